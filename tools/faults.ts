import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { built } from "../test/support/build.ts";
import { KILLS, type Kill, killAndResume, LONG_SWEEP, run } from "../test/support/faults.ts";

/**
 * `npm run faults`: kills sweeps at random moments and resumes them, and asks a hundred processes at once.
 * `-- --runs 300 --seed 7` kills as often, at other moments.
 */
const { values } = parseArgs({
  options: { runs: { type: "string", default: "200" }, seed: { type: "string", default: "1" } },
});
const AT_ONCE = 100;

built();
const folder = mkdtempSync(join(tmpdir(), "faults-"));
const findings: string[] = [];
try {
  const started = performance.now();
  const whole: Record<string, string> = {};
  for (const format of ["csv", "jsonl"]) {
    const path = join(folder, `whole.${format}`);
    await run([...LONG_SWEEP, "-o", path]);
    whole[format] = readFileSync(path, "utf8");
  }
  // a little longer than the sweep itself, so that some moments are before its first and after its last line
  const longestMs = 0.6 * (performance.now() - started);
  const random = randomNumbers(Number(values.seed));
  const killed: Record<string, number> = { SIGINT: 0, SIGTERM: 0, SIGKILL: 0 };
  for (let index = 0; index < Number(values.runs); index++) {
    const kill: Kill = {
      signal: KILLS[index % KILLS.length]!,
      afterMs: Math.round(random() * longestMs),
      jobs: 1 + Math.floor(random() * 3),
      format: random() < 0.5 ? "csv" : "jsonl",
    };
    const path = join(folder, `killed.${kill.format}`);
    rmSync(path, { force: true });
    const problem = await killAndResume(path, kill, whole[kill.format]!);
    killed[kill.signal]!++;
    if (problem !== undefined) findings.push(`${JSON.stringify(kill)}: ${problem}`);
  }
  for (const [signal, times] of Object.entries(killed))
    console.log(`${`sweeps ended by ${signal}, then resumed`.padEnd(44)}${String(times).padStart(6)}`);

  const alone = await run(["run", "--json"]);
  const path = join(folder, "one.json");
  const many = await Promise.all(
    Array.from({ length: AT_ONCE }, (_, index) =>
      run(["run", "--json", ...(index % 2 === 0 ? [] : ["-o", path])]),
    ),
  );
  for (const [index, { code, stdout, stderr }] of many.entries())
    if (code !== 0 || stderr !== "" || (index % 2 === 0 && stdout !== alone.stdout))
      findings.push(`process ${index} of ${AT_ONCE}: exit code ${code}, ${stderr.slice(0, 200)}`);
  if (readFileSync(path, "utf8") !== alone.stdout)
    findings.push("the file of many writers is not one of theirs");
  console.log(`${"processes at once, half of them to one file".padEnd(44)}${String(AT_ONCE).padStart(6)}`);
} finally {
  rmSync(folder, { recursive: true });
}
for (const finding of findings) console.log(finding);
console.log(`${"findings".padEnd(44)}${String(findings.length).padStart(6)}`);
if (findings.length > 0) process.exitCode = 1;

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ (state >>> 15), state | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}
