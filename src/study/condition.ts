import { parseField, type ResultField } from "./result-field.ts";

/** `normalization.shareOfTime>0.1`: a number of the result, compared. */
export interface Condition {
  readonly text: string;
  readonly field: ResultField;
  readonly holds: (value: number) => boolean;
}

export type ParsedCondition =
  | { readonly condition: Condition; readonly problem?: never }
  | { readonly condition?: never; readonly problem: string };

const COMPARISONS: Record<string, (a: number, b: number) => boolean> = {
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
};

const CONDITION = /^\s*([\w.:-]+?)\s*(>=|<=|==|!=|>|<)\s*(\S+)\s*$/;

export function parseCondition(text: string): ParsedCondition {
  const [, name, operator, number] = CONDITION.exec(text) ?? [];
  const compare = operator === undefined ? undefined : COMPARISONS[operator];
  const limit = number === undefined ? undefined : parseQuantity(number);
  if (name === undefined || compare === undefined || limit === undefined) {
    return {
      problem: `expected a field of the result, a comparison and a number, such as "normalization.shareOfTime>0.1" or "layer.seconds>=0.02", got ${JSON.stringify(text)}`,
    };
  }
  const { field, problem } = parseField(name);
  if (problem !== undefined) return { problem };
  return { condition: { text, field: field!, holds: (value) => compare(value, limit) } };
}

const QUANTITY = /^(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(%?)$/;

/** `0.25`, `25%` or `1e-3`; undefined for anything else. */
export function parseQuantity(text: string): number | undefined {
  const [, digits, percent] = QUANTITY.exec(text.trim()) ?? [];
  if (digits === undefined) return undefined;
  const value = Number(digits) / (percent === "%" ? 100 : 1);
  return Number.isFinite(value) ? value : undefined;
}
