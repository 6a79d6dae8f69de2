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
export const say = (io: Io, line: string): void => io.stderr(`${shown(line)}\n`);

/** Lines on standard error; of very many the first, and how many more there are. */
export function sayAll(io: Io, lines: readonly string[]): void {
  for (const line of shownLines(lines)) io.stderr(`${line}\n`);
}

const LONGEST_LINE = 2000;
/** of that, at its end: there stands why */
const LONGEST_END = 400;
const LONGEST_MESSAGE = 16_000;

const shown = (line: string): string =>
  visible(
    line.length > LONGEST_LINE
      ? `${line.slice(0, LONGEST_LINE - LONGEST_END)}...${line.slice(-LONGEST_END)}`
      : line,
  );

/** The lines of a message as somebody may read them: what users gave us may be of any length. */
export function shownLines(lines: readonly string[]): string[] {
  const all: string[] = [];
  let length = 0;
  for (const line of lines) {
    const text = shown(line);
    length += text.length;
    if (length > LONGEST_MESSAGE) return [...all, `  and ${lines.length - all.length} more`];
    all.push(text);
  }
  return all;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export type Interrupt = "SIGINT" | "SIGTERM";

/** Exit codes of shells for a program that a signal has ended. */
export const INTERRUPTED = { SIGINT: 130, SIGTERM: 143 } as const satisfies Record<Interrupt, number>;
