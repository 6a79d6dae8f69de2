import { getPath } from "./set-path.ts";

/** `normalization.shareOfTime>0.1`: a number of the result, compared. */
export interface Condition {
  readonly text: string;
  readonly path: readonly string[];
  readonly holds: (value: number) => boolean;
}

const COMPARISONS: Record<string, (a: number, b: number) => boolean> = {
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  "==": (a, b) => a === b,
  "!=": (a, b) => a !== b,
};

const CONDITION = /^\s*([\w.-]+?)\s*(>=|<=|==|!=|>|<)\s*(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)(%?)\s*$/;

export function parseCondition(text: string): Condition | undefined {
  const [, path, operator, digits, percent] = CONDITION.exec(text) ?? [];
  const compare = operator === undefined ? undefined : COMPARISONS[operator];
  if (path === undefined || compare === undefined) return undefined;
  const limit = Number(digits) / (percent === "%" ? 100 : 1);
  return { text, path: path.split("."), holds: (value) => compare(value, limit) };
}

/** The number at the condition's path, if it leads to one. */
export function conditionValue(condition: Condition, result: unknown): number | undefined {
  const value = getPath(result, condition.path);
  return typeof value === "number" ? value : undefined;
}
