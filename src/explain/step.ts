/** A number or word that an expression was computed from, as the source names it. */
export interface Operand {
  readonly name: string;
  /** undefined where a profile does not say */
  readonly value: number | string | boolean | undefined;
  /** the object whose field it is, so that its origin can be looked up; undefined for a local name */
  readonly owner?: object | undefined;
  readonly field?: string | undefined;
}

/** One line of a computation: a name, the expression with `$0`, `$1`, ... for its operands, and what came out. */
export interface Step {
  readonly name: string;
  readonly template: string;
  readonly operands: readonly Operand[];
  readonly value: number;
}

/** What was noted while a function ran, and what it returned. */
export interface Traced<T> {
  readonly steps: readonly Step[];
  readonly result: T;
}

type OperandTuple = readonly [name: string, value: unknown, owner?: object | undefined, field?: string];

const isShown = (value: unknown): value is Operand["value"] =>
  value === undefined || ["number", "string", "boolean"].includes(typeof value);

/** Notes a step where it is a number that was computed. */
export function note(
  steps: Step[],
  name: string,
  template: string,
  value: unknown,
  operands: readonly OperandTuple[],
): void {
  if (typeof value !== "number") return;
  const shown = operands.map(([operand, held, owner, field]) => ({
    name: operand,
    value: isShown(held) ? held : 0,
    owner,
    field,
  }));
  steps.push({ name, template, operands: shown, value });
}

/** The steps of a function that was called on the way, in front of those of its caller. */
export function inside<T>(steps: Step[], traced: Traced<T>): T {
  steps.push(...traced.steps);
  return traced.result;
}
