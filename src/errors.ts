/** Exit codes of the command: fine, a check failed, bad usage or input. */
export const EXIT = { ok: 0, checkFailed: 1, badInput: 2 } as const;

/** A mistake in what the user gave us: shown as a message with its place and a way on, never with a stack. */
export class UserError extends Error {
  override readonly name = "UserError";
  readonly problems: readonly string[];

  constructor(message: string, problems: readonly string[] = []) {
    super(message);
    this.problems = problems;
  }
}
