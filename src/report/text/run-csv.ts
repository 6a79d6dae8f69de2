import type { OperatorResult, Result } from "../../schema/result.ts";
import { csv } from "./csv.ts";

const OPERATOR_FIELDS = [
  "name",
  "class",
  "flops",
  "hbmReadBytes",
  "hbmWriteBytes",
  "kernels",
  "arithmeticIntensity",
  "seconds",
  "idealSeconds",
  "bound",
  "shareOfTime",
] as const satisfies readonly (keyof OperatorResult)[];

const HEADER = ["scenario", "model", "hardware", "phase", ...OPERATOR_FIELDS];

/** One row an operator, base units, full precision; `scenario` counts from 1. */
export function runCsv(results: readonly Result[]): string {
  const rows = results.flatMap(({ scenario, operators }, index) =>
    operators.map((operator) => [
      index + 1,
      scenario.model.name,
      scenario.hardware.name,
      scenario.workload.phase,
      ...OPERATOR_FIELDS.map((field) => operator[field] ?? ""),
    ]),
  );
  return csv(HEADER, rows);
}
