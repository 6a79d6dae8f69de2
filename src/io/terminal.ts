import { visible } from "../visible.ts";

/** What a command may use of the world besides files: where its text goes and how wide that is. */
export interface Io {
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** All of standard input, at most `limit` bytes and one more. */
  readonly stdin: (limit: number) => Promise<Uint8Array>;
  readonly columns: number;
  readonly color: boolean;
  readonly unicode: boolean;
  /** standard error is a terminal: somebody watches */
  readonly watched?: boolean;
  /** standard output is a pipe: to write to it may take as long as its reader likes */
  readonly isPipe?: boolean;
  /** whoever read standard output has stopped reading */
  readonly isReaderGone?: () => boolean;
  /** calls back when the user or the system asks the program to stop; undo it with what it returns */
  readonly onInterrupt?: (stop: (signal: Interrupt) => void) => () => void;
  /** environment variables: where a cache is, nothing that changes a result */
  readonly environment?: Environment;
  /** the program file of a sweep's threads, where there is one */
  readonly workerScript?: string | undefined;
}

/** A line on standard error. It may quote what others wrote: none of that steers a terminal or makes a second line. */
export const say = (io: Io, line: string): void => io.stderr(`${visible(line)}\n`);

export type Environment = Readonly<Record<string, string | undefined>>;

export type Interrupt = "SIGINT" | "SIGTERM";

/** Exit codes of shells for a program that a signal has ended. */
export const INTERRUPTED = { SIGINT: 130, SIGTERM: 143 } as const satisfies Record<Interrupt, number>;
