import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { collective, wireBytes } from "../../../src/engine/layer/collective.ts";
import { readBytes, writeBytes } from "../../../src/engine/layer/kernel.ts";
import { allGather, allReduce, allToAll, type Exchanged, reduceScatter } from "../../support/ring.ts";

type Tensors = readonly (readonly number[])[];
const BYTES = 4;

/** What each rank of a group brings: as many chunks as there are ranks. */
const tensors: fc.Arbitrary<Tensors> = fc
  .tuple(fc.integer({ min: 2, max: 6 }), fc.integer({ min: 1, max: 5 }))
  .chain(([ranks, chunk]) =>
    fc.array(
      fc.array(fc.integer({ min: -99, max: 99 }), { minLength: ranks * chunk, maxLength: ranks * chunk }),
      {
        minLength: ranks,
        maxLength: ranks,
      },
    ),
  );

const sums = (given: Tensors): number[] =>
  given[0]!.map((_, index) => given.reduce((sum, tensor) => sum + tensor[index]!, 0));

const chunkOf = (tensor: readonly number[], rank: number, ranks: number): number[] =>
  tensor.slice((rank * tensor.length) / ranks, ((rank + 1) * tensor.length) / ranks);

/** [operation, run, what each rank has at the end, elements that one reads and writes of its own memory] */
const OPERATIONS: readonly [
  "all-reduce" | "all-gather" | "reduce-scatter" | "all-to-all",
  (given: Tensors) => Exchanged,
  (given: Tensors, rank: number) => number[],
  (length: number, ranks: number) => [read: number, written: number],
][] = [
  ["all-reduce", allReduce, sums, (length) => [length, length]],
  [
    "reduce-scatter",
    reduceScatter,
    // the ring leaves each rank the chunk behind its own number
    (given, rank) => chunkOf(sums(given), (rank + 1) % given.length, given.length),
    (length, ranks) => [length, length / ranks],
  ],
  [
    "all-gather",
    (given) => allGather(given.map((tensor, rank) => chunkOf(tensor, rank, given.length))),
    (given) => given.flatMap((tensor, rank) => chunkOf(tensor, rank, given.length)),
    (length, ranks) => [length / ranks, length],
  ],
  [
    "all-to-all",
    allToAll,
    (given, rank) => given.flatMap((tensor) => chunkOf(tensor, rank, given.length)),
    (length) => [length, length],
  ],
];

describe.each(OPERATIONS)("an %s", (operation, run, expected, moved) => {
  test("run on numbers gives each rank its result for the bytes that are counted", () => {
    fc.assert(
      fc.property(tensors, (given) => {
        const ranks = given.length;
        const length = given[0]!.length;
        const { results, sentByOne } = run(given);
        results.forEach((result, rank) => {
          expect(result).toEqual(expected(given, rank));
        });
        const [kernel] = collective("", operation, ranks, length * BYTES, "in", "out").kernels;
        if (kernel?.work.kind !== "collective") throw new Error("no exchange");
        expect(wireBytes(kernel.work)).toBeCloseTo(sentByOne * BYTES, 9);
        const [read, written] = moved(length, ranks);
        expect([readBytes(kernel), writeBytes(kernel)]).toEqual([read * BYTES, written * BYTES]);
      }),
      { numRuns: 300, seed: 41 },
    );
  });
});
