/**
 * How fast the built command starts, against bare Node, and how long one layer takes in a running process.
 * `npm run bench`; `npm run bench -- --check` exits 1 where a ratio is above its limit. Runs are interleaved, so that
 * a busy machine slows all of them, and medians are compared.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const CLI = fileURLToPath(new URL("../dist/cli.js", import.meta.url));
const LIBRARY = new URL("../dist/index.mjs", import.meta.url);
const ROUNDS = 31;

const COMMANDS = [
  { name: "node -e 0", argv: ["-e", "0"] },
  { name: "norm-roofline --help", argv: [CLI, "--help"], limit: 1.2 },
  { name: "norm-roofline run --json", argv: [CLI, "run", "--json"], limit: 1.5 },
  { name: "norm-roofline run", argv: [CLI, "run"] },
  { name: "norm-roofline run --batch 2 (validates)", argv: [CLI, "run", "--batch", "2", "--json"] },
];

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

function timeOnce(argv) {
  const start = process.hrtime.bigint();
  const { status } = spawnSync(process.execPath, argv, { stdio: ["ignore", "pipe", "inherit"] });
  if (status !== 0) throw new Error(`${argv.join(" ")} exited with ${status}`);
  return Number(process.hrtime.bigint() - start) / 1e6;
}

function timeCommands() {
  const times = COMMANDS.map(() => []);
  for (let round = 0; round <= ROUNDS; round++) {
    COMMANDS.forEach(({ argv }, index) => {
      const time = timeOnce(argv);
      // the first round warms the file cache
      if (round > 0) times[index].push(time);
    });
  }
  const medians = times.map(median);
  return COMMANDS.map((command, index) => ({
    ...command,
    milliseconds: medians[index],
    ratio: medians[index] / medians[0],
  }));
}

async function timeLayer() {
  const { scenarioOf, simulate } = await import(LIBRARY);
  const { stdout } = spawnSync(process.execPath, [CLI, "show", "llama-3-70b-prefill-h100", "--resolved"]);
  const { scenario } = scenarioOf(JSON.parse(stdout));
  const perCall = [];
  for (let round = 0; round < 20; round++) {
    const start = performance.now();
    for (let call = 0; call < 100; call++) simulate(scenario);
    perCall.push((performance.now() - start) / 100);
  }
  // a simulation evaluates the layer as given and once for each kind and implementation of the norm
  return {
    simulation: median(perCall.slice(5)) * 1e3,
    evaluations: 1 + simulate(scenario).alternatives.length,
  };
}

if (!existsSync(CLI)) throw new Error("dist/ is missing: npm run build");
const results = timeCommands();
for (const { name, milliseconds, ratio, limit } of results)
  console.log(
    `${name.padEnd(42)}${milliseconds.toFixed(1).padStart(7)} ms ${ratio.toFixed(2).padStart(6)}x${limit ? `  (limit ${limit}x)` : ""}`,
  );
const { simulation, evaluations } = await timeLayer();
console.log(
  `${"one simulation, in process".padEnd(42)}${simulation.toFixed(0).padStart(7)} us  ${(simulation / evaluations).toFixed(1)} us a layer (${evaluations} layers)`,
);
const slow = results.filter(({ ratio, limit }) => limit !== undefined && ratio > limit);
if (process.argv.includes("--check") && slow.length > 0) process.exitCode = 1;
