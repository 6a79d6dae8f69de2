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

/** Values that move one axis of a decode step of a 70B layer, all else shared by identity. */
const AXES = {
  "nothing moves": (scenario) => scenario,
  context: (scenario, i) => ({ ...scenario, workload: { ...scenario.workload, context: 1 + (i % 5000) } }),
  "norm kind, 2 values": (scenario, i) => ({ ...scenario, normalization: NORMS[i % 2] }),
  batch: (scenario, i) => ({ ...scenario, workload: { ...scenario.workload, batch: 1 + (i % 500) } }),
};
const NORMS = [
  { kind: "layernorm", implementation: "native" },
  { kind: "rmsnorm", implementation: "native" },
];
const LAYERS = 20_000;
const SWEEP_ROUNDS = 12;

/** Microseconds of a layer in a sweep of one axis, and of one step of a plain loop in turns with it. */
async function timeAxis(name) {
  const { layerSimulator, scenarioOf } = await import(LIBRARY);
  const { stdout } = spawnSync(process.execPath, [CLI, "show", "llama-3-70b-decode-h100", "--resolved"]);
  const { scenario } = scenarioOf(JSON.parse(stdout));
  const at = AXES[name];
  const simulate = layerSimulator();
  let sum = 0;
  const perStep = (step) => {
    const start = performance.now();
    for (let i = 0; i < LAYERS; i++) step(i);
    return ((performance.now() - start) / LAYERS) * 1e3;
  };
  const layer = (i) => {
    sum += simulate(at(scenario, i)).layer().seconds;
  };
  const plain = (i) => {
    sum += Math.sqrt(i);
  };
  const rounds = Array.from({ length: SWEEP_ROUNDS }, () => [perStep(layer), perStep(plain)]);
  if (!(sum > 0)) throw new Error("nothing was simulated");
  // the first quarter is compiled
  const warm = rounds.slice(SWEEP_ROUNDS / 4);
  const microseconds = median(warm.map(([time]) => time));
  return { name, microseconds, ratio: microseconds / median(warm.map(([, time]) => time)) };
}

/** Each axis in a process of its own, as a thread of a sweep has one simulator. */
function timeSweep() {
  return Object.keys(AXES).map((name) => {
    const { status, stdout } = spawnSync(process.execPath, [fileURLToPath(import.meta.url), "--axis", name]);
    if (status !== 0) throw new Error(`the axis ${name} exited with ${status}`);
    return JSON.parse(stdout);
  });
}

/** A million points with ten columns to CSV, with all threads. */
function timeMillion() {
  const start = performance.now();
  const { status } = spawnSync(
    process.execPath,
    [
      CLI,
      ...["sweep", "llama-3-70b-decode-h100", "--hidden", "1024-13696+128", "--batch", "1-100"],
      ...["--context", "1-1600+16", "--format", "csv", "--columns"],
      "layer.seconds,layer.flops,layer.hbmBytes,normalization.seconds,normalization.shareOfTime,normalization.shareOfFlops,layer.modelFlopsUtilization",
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  if (status !== 0) throw new Error(`the sweep exited with ${status}`);
  return (performance.now() - start) / 1e3;
}

/** One layer of other simulators, as their users measure it, microseconds. */
const PEERS = { "llm-analysis": 14.7, "LLM-Viewer": 44, LLMCompass: 55, Calculon: 1000, GenZ: 35_000 };

if (!existsSync(CLI)) throw new Error("dist/ is missing: npm run build");
const [option, axis] = process.argv.slice(2);
if (option === "--axis") {
  console.log(JSON.stringify(await timeAxis(axis)));
  process.exit();
}
const results = timeCommands();
for (const { name, milliseconds, ratio, limit } of results)
  console.log(
    `${name.padEnd(42)}${milliseconds.toFixed(1).padStart(7)} ms ${ratio.toFixed(2).padStart(6)}x${limit ? `  (limit ${limit}x)` : ""}`,
  );
const { simulation, evaluations } = await timeLayer();
console.log(
  `${"one simulation, in process".padEnd(42)}${simulation.toFixed(0).padStart(7)} us  ${(simulation / evaluations).toFixed(1)} us a layer (${evaluations} layers)`,
);
for (const { name, microseconds, ratio } of timeSweep())
  console.log(
    `${`a layer in a sweep: ${name}`.padEnd(42)}${microseconds.toFixed(2).padStart(7)} us ${ratio.toFixed(0).padStart(6)} steps of a plain loop`,
  );
console.log(
  `peers, one layer: ${Object.entries(PEERS)
    .map(([name, microseconds]) => `${name} ${microseconds} us`)
    .join(", ")}`,
);
if (process.argv.includes("--million"))
  console.log(
    `${"a million points, ten columns, to CSV".padEnd(42)}${timeMillion().toFixed(1).padStart(7)} s`,
  );
const slow = results.filter(({ ratio, limit }) => limit !== undefined && ratio > limit);
if (process.argv.includes("--check") && slow.length > 0) process.exitCode = 1;
