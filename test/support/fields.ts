import { setPath } from "../../src/ask/set-path.ts";

/** What a field of a schema takes, and what is said of anything else: written once for every kind of field. */
export interface FieldKind {
  readonly good: readonly unknown[];
  /** [value, what is said of it] */
  readonly bad: readonly (readonly [unknown, string])[];
}

const NOTHING = "nothing";
const shown = (value: unknown): string => {
  if (value === undefined) return NOTHING;
  return typeof value === "number" ? String(value) : JSON.stringify(value);
};

const wrong = (expected: string, values: readonly unknown[]): (readonly [unknown, string])[] =>
  values.map((value) => [value, `expected ${expected}, got ${shown(value)}`] as const);

const NO_NUMBERS = ["8", "", null, true, [], {}, [1], Number.NaN, Number.POSITIVE_INFINITY, undefined];
const NO_TEXTS = [0, 1.5, null, true, [], {}, ["a"], undefined];
const LONG = "x".repeat(2001);

const whole = (least: number): FieldKind => ({
  good: [least, least + 1, 4096, 1e9],
  bad: [
    ...wrong("a number", NO_NUMBERS),
    ...wrong(`a whole number of at least ${least}`, [least - 1, -3, -1e12]),
    ...wrong("a whole number of at most 1000000000", [1e9 + 1, 1e40]),
    ...wrong("a whole number", [1.5, 1e-9]),
  ],
});

export const COUNT = whole(1);
export const COUNT_OR_ZERO = whole(0);

export const QUANTITY: FieldKind = {
  good: [1e-30, 0.5, 1, 4096, 1e30],
  bad: [
    ...wrong("a number", NO_NUMBERS),
    ...wrong("a number above 0", [0, -1, -1e-40]),
    ...wrong("a number of at least 1e-30", [1e-31]),
    ...wrong("a number of at most 1e+30", [1.01e30, 1e300]),
  ],
};

const numberUpTo = (most: number | undefined): FieldKind => ({
  good: [0, 0.25, 7, ...(most === undefined ? [1e9] : [most])],
  bad: [
    ...wrong("a number", NO_NUMBERS),
    ...wrong("a number of at least 0", [-1, -1e-9]),
    ...(most === undefined ? [] : wrong(`a number of at most ${most}`, [most * 1.01, 1e300])),
  ],
});

/** A number that is not negative. */
export const AMOUNT = numberUpTo(undefined);
export const amountUpTo = numberUpTo;

/** Above zero and at most some seconds. */
export const SECONDS: FieldKind = {
  good: [1e-12, 1e-9, 1, 1e6],
  bad: [
    ...wrong("a number", NO_NUMBERS),
    ...wrong("a number above 0", [0, -1]),
    ...wrong("a number of at least 1e-12", [1e-13, 5e-324]),
    ...wrong("a number of at most 1000000", [1.1e6]),
  ],
};

/** A difference of two times, which may come out below zero. */
export const DIFFERENCE: FieldKind = {
  good: [-1, 0, 1e-6, 1e6],
  bad: [
    ...wrong("a number", NO_NUMBERS),
    ...wrong("a number of at least -1", [-1.5]),
    ...wrong("a number of at most 1000000", [1.1e6]),
  ],
};

export const TEXT: FieldKind = {
  good: ["a", "Llama 3 70B", "µ × ·", "x".repeat(2000)],
  bad: [
    ...wrong("a text", NO_TEXTS),
    ...wrong("a text of at least 1 character", [""]),
    [LONG, `expected a text of at most 2000 characters, got "${LONG.slice(0, 56)}...`],
  ],
};

/** A text that may be empty; `most` characters at most. */
export const anyText = (most?: number): FieldKind => ({
  good: ["", "a", ...(most === undefined ? [LONG] : ["x".repeat(most)])],
  bad: [
    ...wrong("a text", NO_TEXTS),
    ...(most === undefined
      ? []
      : [[LONG, `expected a text of at most ${most} characters, got "${LONG.slice(0, 56)}...`] as const]),
  ],
});

export const FLAG: FieldKind = {
  good: [true, false],
  bad: wrong("true or false", [0, 1, "true", "yes", null, [], {}, undefined]),
};

export function oneOf(...words: string[]): FieldKind {
  const quoted = words.map((word) => JSON.stringify(word));
  const expected =
    quoted.length < 2 ? quoted.join("") : `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
  const almost = `${words[0]}x`;
  return {
    good: words,
    bad: [
      ...wrong(expected, [0, null, true, [], {}, undefined, ""]),
      [almost, `expected ${expected}, got "${almost}" (did you mean "${words[0]}"?)`],
      ["zzzzzzzzzzzz", `expected ${expected}, got "zzzzzzzzzzzz"`],
    ],
  };
}

export const OBJECT: FieldKind = {
  good: [],
  bad: wrong("an object", [0, "x", null, true, [], [{}], undefined]),
};

export const list = (least: number): FieldKind => ({
  good: [],
  bad: [
    ...wrong("a list", [0, "x", null, true, {}, undefined]),
    ...(least > 0 ? wrong(`a list of at least ${least} item${least === 1 ? "" : "s"}`, [[]]) : []),
  ],
});

/** A kind with other values that are fine, where fields depend on each other. */
export const withGood = (kind: FieldKind, ...good: unknown[]): FieldKind => ({ ...kind, good });

/** The same where the field may be left out. */
export const optional = (kind: FieldKind): FieldKind => ({
  good: [...kind.good, undefined],
  bad: kind.bad.filter(([value]) => value !== undefined),
});

/** A value put at a dotted path; `undefined` takes the key away. */
export function put(tree: unknown, path: string, value: unknown): unknown {
  const keys = path.split(".");
  const changed = structuredClone(setPath(tree, keys, value)) as Record<string, unknown>;
  if (value !== undefined) return changed;
  const parent = keys
    .slice(0, -1)
    .reduce<unknown>((node, key) => (node as Record<string, unknown>)[key], changed);
  delete (parent as Record<string, unknown>)[keys.at(-1)!];
  return changed;
}
