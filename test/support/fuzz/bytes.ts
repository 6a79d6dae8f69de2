import fc from "fast-check";

/** A change of a file's bytes at some place. */
type Damage = (bytes: Uint8Array) => Uint8Array;

const place = fc.nat({ max: 1_000_000 });
const indexIn = (bytes: Uint8Array, where: number): number => where % (bytes.length + 1);
const joined = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

const inserted = (where: number, what: Uint8Array): Damage => {
  return (bytes) => {
    const index = indexIn(bytes, where);
    return joined(bytes.subarray(0, index), what, bytes.subarray(index));
  };
};

const SYNTAX = ["{", "}", "[", "]", '"', ",", ":", "\\", "\n", "\u0000", "//", "\ufeff", "\u2028", "\\u00"];

const damages: readonly fc.Arbitrary<Damage>[] = [
  place.map((where) => (bytes) => bytes.subarray(0, indexIn(bytes, where))),
  place.map((where) => (bytes) => bytes.subarray(indexIn(bytes, where))),
  fc.tuple(place, fc.constantFrom(...SYNTAX)).map(([where, text]) => inserted(where, Buffer.from(text))),
  fc.tuple(place, fc.uint8Array({ maxLength: 4 })).map(([where, noise]) => inserted(where, noise)),
  fc.tuple(place, fc.nat({ max: 7 })).map(([where, bit]) => (bytes) => {
    const copy = Uint8Array.from(bytes);
    const index = where % Math.max(1, copy.length);
    if (copy.length > 0) copy[index] = copy[index]! ^ (1 << bit);
    return copy;
  }),
  fc.tuple(place, fc.integer({ min: 1, max: 300 })).map(([where, length]) => (bytes) => {
    const index = indexIn(bytes, where);
    return joined(bytes.subarray(0, index + length), bytes.subarray(index));
  }),
];

/** The text as bytes; once in five damaged. */
export const encoded = (text: fc.Arbitrary<string>): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(
      text,
      fc.oneof(
        { weight: 4, arbitrary: fc.constant([] as Damage[]) },
        { weight: 1, arbitrary: fc.array(fc.oneof(...damages), { minLength: 1, maxLength: 3 }) },
      ),
    )
    .map(([whole, changes]) =>
      changes.reduce<Uint8Array>(
        (bytes, change) => change(bytes),
        new Uint8Array(Buffer.from(whole, "utf8")),
      ),
    );
