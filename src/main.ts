import { quickAnswer } from "./help.ts";
import type { Io } from "./io/terminal.ts";

/** Runs one command line and returns its exit code. Each command's code is loaded when it is called. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  const answer = quickAnswer(argv);
  if (answer === undefined) return (await import("./program.ts")).runProgram(argv, io);
  io.stdout(answer);
  return 0;
}
