import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import type { Claims } from "../../src/schema/claims.ts";
import { json } from "../support/command.ts";

interface Run {
  readonly kind: string;
  readonly millions: number;
  readonly parameters: number;
  readonly norm: string;
  readonly seed: number;
  readonly heldOutLossNats: number;
}

const RUNS = readFileSync("measurements/training/convergence.jsonl", "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Run)
  .filter(({ kind }) => kind === "training-run");

/** Two-sided 95% quantiles of Student's t, by degrees of freedom. */
const STUDENT: Readonly<Record<number, number>> = { 2: 4.303, 4: 2.776 };

/** `+0.0% ± 0.9% at 11 M parameters (5 seeds)`: seed by seed, RMSNorm over LayerNorm. */
function difference(millions: number): string {
  const lossOf = (norm: string): Map<number, number> =>
    new Map(
      RUNS.filter((run) => run.millions === millions && run.norm === norm).map((run) => [
        run.seed,
        run.heldOutLossNats,
      ]),
    );
  const rms = lossOf("rmsnorm");
  const changes = [...lossOf("layernorm")].map(([seed, loss]) => rms.get(seed)! / loss - 1);
  const mean = changes.reduce((sum, one) => sum + one, 0) / changes.length;
  const variance = changes.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (changes.length - 1);
  const half = STUDENT[changes.length - 1]! * Math.sqrt(variance / changes.length);
  const sign = mean < 0 ? "-" : "+";
  const size = Math.round(RUNS.find((run) => run.millions === millions)!.parameters / 1e6);
  return `${sign}${Math.abs(100 * mean).toFixed(1)}% ± ${(100 * half).toFixed(1)}% at ${size} M${millions === 10 ? " parameters" : ""} (${changes.length} seeds)`;
}

test("the claim about convergence says what the runs that are shipped came to", async () => {
  const { claims } = await json<Claims>("claims bert-large-train-v100 --json");
  const found = claims.find(({ id }) => id === "convergence")!;
  const measured = found.evidence.find((text) => text.includes("convergence.jsonl"))!;
  expect(measured).toContain(difference(10));
  expect(measured).toContain(difference(50));
});
