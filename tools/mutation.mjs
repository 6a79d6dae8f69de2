import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

/**
 * `npm run mutation`: changes every operator, number and condition of the physics, one at a time, and looks whether a
 * test notices. `npm run mutation -- engine/device` takes one folder, `-- src/engine/layer/matmul.ts` one file, `--static` also what
 * runs only while modules load. Exits with 1 below 90%.
 */
const FOLDERS = ["engine/layer", "engine/model", "engine/device", "calibration"];
const LEAST = 0.9;
/** Stryker's states of a mutant that count: those that a test noticed, and those that none did. */
const NOTICED = ["Killed", "Timeout"];
const UNNOTICED = ["Survived", "NoCoverage"];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { static: { type: "boolean" } },
});
const targets = positionals.length > 0 ? positionals : FOLDERS;
const scores = targets.map(score);
console.log("");
for (const { target, noticed, all, ignored } of scores)
  console.log(
    `${target.padEnd(32)}${String(noticed).padStart(6)} of ${String(all).padStart(5)} mutants noticed, ${(all === 0 ? 100 : (100 * noticed) / all).toFixed(1)}%${ignored > 0 ? `, ${ignored} not tried` : ""}`,
  );
if (scores.some(({ noticed, all }) => noticed < LEAST * all)) process.exitCode = 1;

function score(target) {
  const folder = FOLDERS.find((name) => target === name || target.startsWith(`src/${name}/`));
  if (folder === undefined) throw new Error(`${target}: expected ${FOLDERS.join(", ")} or a file of theirs`);
  const mutate = target === folder ? `src/${folder}/**/*.ts` : target;
  const { status } = spawnSync("npx", ["stryker", "run", "--mutate", mutate], {
    stdio: "inherit",
    env: { ...process.env, MUTATED: folder, MUTATE_STATIC: values.static ? "yes" : "" },
  });
  if (status !== 0) throw new Error(`Stryker exited with ${status}`);
  const { files } = JSON.parse(readFileSync("coverage/mutation.json", "utf8"));
  const states = Object.values(files).flatMap(({ mutants }) => mutants.map((mutant) => mutant.status));
  const count = (names) => states.filter((state) => names.includes(state)).length;
  const noticed = count(NOTICED);
  return { target, noticed, all: noticed + count(UNNOTICED), ignored: count(["Ignored"]) };
}
