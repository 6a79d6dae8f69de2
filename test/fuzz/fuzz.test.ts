import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { shownInput } from "../support/fuzz/input.ts";
import { KINDS } from "../support/fuzz/kinds.ts";
import { judged } from "../support/fuzz/oracle.ts";

const folder = mkdtempSync(join(tmpdir(), "norm-roofline-fuzz-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** `npm run fuzz` tries twelve times as many, and others. */
const RUNS = 400;

describe("nearly valid input is answered, or refused with a reason", () => {
  test.each(Object.entries(KINDS))("%s", async (_, inputs) => {
    const property = fc.asyncProperty(inputs, async (input) => {
      const { problems } = await judged(input, folder);
      if (problems.length > 0) throw new Error(`${problems.join("\n")}\n${shownInput(input)}`);
    });
    const { failed, errorInstance } = await fc.check(property, { numRuns: RUNS, seed: 20 });
    expect(failed ? String((errorInstance as Error).message).slice(0, 2000) : "").toBe("");
  });
});
