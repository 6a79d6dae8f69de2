import { EXIT, UserError } from "./errors.ts";
import { quickAnswer } from "./help.ts";
import { type Io, sayAll } from "./io/terminal.ts";

/** Runs one command line and returns its exit code. Each command's code is loaded when it is called. */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  try {
    const answer = quickAnswer(argv);
    if (answer === undefined) return await (await import("./program.ts")).runProgram(argv, io);
    io.stdout(answer);
    return EXIT.ok;
  } catch (error) {
    // anything else is a bug and keeps its stack
    if (!(error instanceof UserError)) throw error;
    sayAll(io, [`error: ${error.message}`, ...error.problems.map((problem) => `  ${problem}`)]);
    return EXIT.badInput;
  }
}
