import * as z from "zod";
import { answeredBy } from "./fields.ts";

/** A row of what `list --json`, `sweep --json` and `run --json` over several values of a flag print as a list. */
export const RowsSchema = z
  .object(answeredBy)
  .catchall(z.union([z.string(), z.number(), z.boolean()]))
  .describe("The keys are the columns; a field that has no value there is left out");
