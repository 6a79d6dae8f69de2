import type { Io } from "../../src/io/terminal.ts";
import { main } from "../../src/main.ts";

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly columns?: number;
  readonly color?: boolean;
  readonly unicode?: boolean;
  readonly stdin?: string | Uint8Array;
  readonly environment?: Readonly<Record<string, string>>;
  readonly onInterrupt?: NonNullable<Io["onInterrupt"]>;
}

/** Runs a command line in this process: on a pipe of 80 columns unless told otherwise. */
export async function command(argv: readonly string[], options: RunOptions = {}): Promise<Ran> {
  let stdout = "";
  let stderr = "";
  const { stdin = "" } = options;
  const code = await main(argv, {
    stdout: (text) => {
      stdout += text;
    },
    stderr: (text) => {
      stderr += text;
    },
    stdin: async () => (typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin),
    columns: options.columns ?? 80,
    color: options.color ?? false,
    unicode: options.unicode ?? true,
    environment: options.environment ?? {},
    ...(options.onInterrupt === undefined ? {} : { onInterrupt: options.onInterrupt }),
  });
  return { code, stdout, stderr };
}

/** A line as typed, split at spaces; quoted words stay whole. */
export const words = (line: string): string[] =>
  [...line.matchAll(/'([^']*)'|"([^"]*)"|(\S+)/g)].map(
    ([, single, double, plain]) => single ?? double ?? plain ?? "",
  );

/** Runs a line and reads its JSON. */
export async function json<T>(line: string, options: RunOptions = {}): Promise<T> {
  const { code, stdout, stderr } = await command(words(line), options);
  if (code !== 0) throw new Error(`${line} exited with ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}
