/** A number or word that an expression was computed from. */
export interface Operand {
  readonly name: string;
  readonly value: number | string | boolean;
  /** where it stands in a scenario, for numbers of the hardware: their origin is looked up by it */
  readonly path?: string;
}

/** One line of a computation: a name, the expression with `$0`, `$1`, ... for its operands, and what came out. */
export interface Step {
  readonly name: string;
  readonly template: string;
  readonly operands: readonly Operand[];
  readonly value: number;
}

type Given = readonly [name: string, value: Operand["value"], path?: string];

export const step = (name: string, template: string, value: number, operands: readonly Given[]): Step => ({
  name,
  template,
  value,
  operands: operands.map(([operand, held, path]) => ({
    name: operand,
    value: held,
    ...(path === undefined ? {} : { path }),
  })),
});

/** `$0 + $1 + ...` over named numbers. */
export const sumStep = (name: string, value: number, operands: readonly Given[]): Step =>
  step(name, operands.map((_, index) => `$${index}`).join(" + ") || "0", value, operands);
