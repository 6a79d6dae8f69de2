import * as z from "zod";
import type { Rule } from "./rules.ts";
import { LARGEST_COUNT, LARGEST_QUANTITY, LONGEST_TEXT, SMALLEST_QUANTITY } from "./vocabulary.ts";

/** Field types that several schemas share. */

export const text = z.string().min(1).max(LONGEST_TEXT);

/** What other fields say of a number that is none of these would only repeat that. */
const LAST_WORD = { abort: true };

export const count = z.int().min(1, LAST_WORD).max(LARGEST_COUNT, LAST_WORD);

export const countOrZero = z.int().min(0, LAST_WORD).max(LARGEST_COUNT, LAST_WORD);

export const quantity = z.number().positive().min(SMALLEST_QUANTITY).max(LARGEST_QUANTITY);

/** How every JSON answer begins. Names of a schemaVersion never change (docs/versions.md). */
export const answeredBy = {
  schemaVersion: z.literal(1),
  version: text.describe("Version of norm-roofline that computed this"),
};

export const schemaReference = z.string().optional().describe("JSON Schema for editors; ignored");

/** A check of rules between fields, for a schema of the whole that they are about. */
export const follows =
  <T>(rules: readonly Rule<T>[]): z.core.CheckFn<T> =>
  ({ value, issues }) => {
    for (const { path, message } of rules.flatMap((rule) => rule.problems(value)))
      issues.push({ code: "custom", input: value, path: [...path], message });
  };
