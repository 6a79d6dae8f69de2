/** How often something random is tried, and from where it starts: `--runs` and `--seed` as typed. */
export function runsAndSeed(typed: { readonly runs: string; readonly seed: string }): {
  readonly runs: number;
  readonly seed: number;
} {
  const runs = Number(typed.runs);
  const seed = Number(typed.seed);
  if (!(Number.isInteger(runs) && runs > 0 && Number.isInteger(seed)))
    throw new Error("--runs and --seed: expected whole numbers");
  return { runs, seed };
}
