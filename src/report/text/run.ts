import type { Result } from "../../schema/result.ts";
import type { DRAWN_FORMATS, Look } from "./formats.ts";
import { json, jsonLines } from "./json.ts";

type Render = (results: readonly Result[], look: Look) => string;

/** Each format loads what it alone needs: JSON must start fast. */
export const RUN_REPORTS: Record<(typeof DRAWN_FORMATS)[number], () => Promise<Render>> = {
  table: async () => (await import("./run-table.ts")).runTable,
  json: async () => (results) => json(results, results.length > 1),
  jsonl: async () => jsonLines,
  csv: async () => (await import("./run-csv.ts")).runCsv,
  md: async () => (await import("./run-markdown.ts")).runMarkdown,
  svg: async () => (await import("../chart/run-svg.ts")).runSvg,
};
