/** More points than this are a mistake in a range, not a question. */
export const MOST_POINTS = 1000;

export type Numbers =
  | { readonly values: readonly number[]; readonly problem?: never }
  | { readonly values?: never; readonly problem: string };

const NUMBER = String.raw`-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?`;
const SINGLE = new RegExp(`^${NUMBER}$`);
const RANGE = new RegExp(`^(${NUMBER})-(${NUMBER})(?:([+*])(${NUMBER}))?$`);

/** `8`, a list `1,2,8`, a range `512-2048+512` (steps) or `1-64*2` (factors), or a list of those. */
export function parseNumbers(text: string, most = MOST_POINTS): Numbers {
  const values: number[] = [];
  for (const part of text.split(",")) {
    const { values: more, problem } = parsePart(part.trim(), most);
    if (problem !== undefined) return { problem };
    for (const value of more) values.push(value);
    if (values.length > most) return { problem: `expected at most ${most} values` };
  }
  return { values: [...new Set(values)] };
}

function parsePart(part: string, most: number): Numbers {
  if (SINGLE.test(part)) return finite([Number(part)], part);
  const range = RANGE.exec(part);
  if (range === null)
    return {
      problem: `expected a number, a list (1,2,8) or a range (512-2048+512, 1-64*2), got ${JSON.stringify(part)}`,
    };
  const [, first, last, operator = "+", step = "1"] = range;
  return expand(Number(first), Number(last), operator, Number(step), part, most);
}

function expand(
  first: number,
  last: number,
  operator: string,
  step: number,
  part: string,
  most: number,
): Numbers {
  const growing = operator === "+" ? step > 0 : step > 1 && first > 0;
  if (!growing || first > last) return { problem: `the range ${part} never reaches its end` };
  const tooMany = { problem: `the range ${part} has more than ${most} values` };
  const steps = operator === "+" ? (last - first) / step : Math.log(last / first) / Math.log(step);
  // far too many need no counting
  if (steps > 2 * most) return tooMany;
  const decimals = decimalsOf(Math.max(Math.abs(first), Math.abs(last)));
  const at = (index: number): number =>
    operator === "+"
      ? Number((first + index * step).toFixed(decimals))
      : Number((first * step ** index).toPrecision(DIGITS));
  const values: number[] = [];
  for (let value = first; value <= last; value = at(values.length)) {
    values.push(value);
    if (values.length > most) return tooMany;
  }
  return finite(values, part);
}

/** What a double holds of any decimal: 3 steps of 0.1 are 0.3, not 0.30000000000000004, so that a range ends. */
const DIGITS = 15;

/** Decimal places that so many digits leave behind the point of a number of this size. */
const decimalsOf = (size: number): number =>
  Math.min(100, Math.max(0, DIGITS - 1 - Math.floor(Math.log10(size || 1))));

const finite = (values: number[], part: string): Numbers =>
  values.every(Number.isFinite) ? { values } : { problem: `${part} is too large a number` };
