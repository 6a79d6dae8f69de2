import * as z from "zod";

/** Field types that several schemas share. */

/** Larger sizes than this overflow exact integer arithmetic once a few of them are multiplied. */
const LARGEST_COUNT = 1e9;

export const text = z.string().min(1).max(2000);

/** What other fields say of a number that is none of these would only repeat that. */
const LAST_WORD = { abort: true };

export const count = z.int().min(1, LAST_WORD).max(LARGEST_COUNT, LAST_WORD);

export const countOrZero = z.int().min(0, LAST_WORD).max(LARGEST_COUNT, LAST_WORD);

/** A physical quantity: above zero and small enough that no product of a few of them overflows. */
export const quantity = z.number().positive().min(1e-30).max(1e30);

/** How every JSON answer begins. Names of a schemaVersion never change (docs/versions.md). */
export const answeredBy = {
  schemaVersion: z.literal(1),
  version: text.describe("Version of norm-roofline that computed this"),
};

export const schemaReference = z.string().optional().describe("JSON Schema for editors; ignored");
