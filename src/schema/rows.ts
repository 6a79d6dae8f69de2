import * as z from "zod";
import { answeredBy } from "./fields.ts";

/** What `list --json`, `sweep --json` and `run --json` over several values of a flag print. */
export const RowsSchema = z.strictObject({
  ...answeredBy,
  rows: z
    .array(z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])))
    .describe("As JSON Lines and CSV hold them; a field that has no value there is left out"),
});
