import type { Profile } from "../schema/profile.ts";

/** The files of one run: one, or one a rank. */
export interface TracedRun {
  readonly file: string;
  readonly profiles: readonly Profile[];
}

/** Files that are ranks of one run belong together; every other file is a run of its own. */
export function tracedRuns(files: readonly string[], profiles: readonly Profile[]): TracedRun[] {
  const runs: { file: string; profiles: Profile[] }[] = [];
  files.forEach((file, index) => {
    const profile = profiles[index]!;
    const run = runs.find((one) => isRankOf(profile, one.profiles));
    if (run === undefined) runs.push({ file, profiles: [profile] });
    else {
      run.profiles.push(profile);
      run.file = `${run.file}, ${file}`;
    }
  });
  return runs;
}

const isRankOf = (profile: Profile, others: readonly Profile[]): boolean =>
  profile.worldSize !== undefined &&
  profile.worldSize > 1 &&
  profile.rank !== undefined &&
  others.every(
    ({ worldSize, rank }) => worldSize === profile.worldSize && rank !== undefined && rank !== profile.rank,
  );
