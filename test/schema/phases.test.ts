import { expect, test } from "vitest";
import { generates, isPhase, PHASE_FACTS, trains } from "../../src/schema/phases.ts";
import { PHASES } from "../../src/schema/vocabulary.ts";

test("every phase has its facts, and no other word is one", () => {
  expect(Object.keys(PHASE_FACTS)).toEqual([...PHASES]);
  expect(["prefill", "sleep", "toString"].map(isPhase)).toEqual([true, false, false]);
});

test("only training trains, and only decode generates a token at a time", () => {
  expect(PHASES.filter(trains)).toEqual(["train"]);
  expect(PHASES.filter(generates)).toEqual(["decode"]);
});

test("training has no context and decode no sequence to name", () => {
  expect(PHASES.map((phase) => PHASE_FACTS[phase].lengths)).toEqual([
    ["sequence", "context"],
    ["context"],
    ["sequence"],
  ]);
});
