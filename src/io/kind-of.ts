import { isConfig } from "../hugging-face/is-config.ts";
import type { SchemaKind } from "./validate.ts";

/** Fields that only one kind of file has. */
const MARKS: Record<SchemaKind, readonly string[]> = {
  result: ["schemaVersion", "operators"],
  scenario: ["workload", "hardware", "model"],
  hardware: ["peakFlopsPerSecond", "hbmBytesPerSecond"],
  model: ["hidden", "heads", "ffn"],
  stack: ["framework", "kernels"],
};

/** The kind whose marks a value has most of. */
export function kindOf(data: unknown): SchemaKind | undefined {
  if (typeof data !== "object" || data === null || Array.isArray(data)) return undefined;
  if (isConfig(data)) return "model";
  let best: SchemaKind | undefined;
  let most = 0;
  for (const [kind, marks] of Object.entries(MARKS) as [SchemaKind, readonly string[]][]) {
    const found = marks.filter((mark) => Object.hasOwn(data, mark)).length / marks.length;
    if (found > most) [best, most] = [kind, found];
  }
  return best;
}
