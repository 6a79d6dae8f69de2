/**
 * How fast the built command starts, and how long layers take, as ratios of what runs in turns with it: a busy machine
 * slows all, and medians are compared.
 *
 *     npm run bench                          this build, against bare Node and against itself
 *     npm run bench -- --against COMMIT      and against that commit, which is built in a temporary folder
 *     npm run bench -- --check               exits 1 where a ratio is above its limit
 *     npm run bench -- --million             a sweep of a million points as well, with all threads
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const SELF = fileURLToPath(import.meta.url);

/** A command line of a build. */
const cli =
  (...words) =>
  (root) => [join(root, "dist/cli.js"), ...words];
/** A sweep whose points are so many that the start does not count; default columns unless others are named. */
function sweep(moving, axes, points, { columns, overBefore } = {}) {
  const words = ["sweep", "llama-3-70b-decode-h100", "--format", "csv", "--jobs", "1", ...axes];
  return {
    name: `a point of a sweep: ${moving}`,
    argv: cli(...words, ...(columns === undefined ? [] : ["--columns", columns])),
    points,
    overBefore,
    rounds: 3,
  };
}
/**
 * What is measured. Limits: of the time over bare Node's, over another line's of the same build, over the same line's of
 * the commit that it is held against. `points`: the time is shared out over so many.
 */
const MEASURES = [
  { name: "bare Node", argv: () => ["-e", "0"] },
  { name: "--help", argv: cli("--help"), overNode: 1.2 },
  { name: "run --json", argv: cli("run", "--json"), overNode: 1.5 },
  {
    name: "run --batch 2 --json",
    argv: cli("run", "--batch", "2", "--json"),
    over: ["run --json", 1.2],
  },
  { name: "claims", argv: cli("claims", "--json"), overBefore: 1.2, rounds: 3 },
  {
    name: "one simulate",
    argv: (root) => [SELF, "--inside", root],
    isInside: true,
    overBefore: 1,
    rounds: 5,
  },
  sweep("every kernel, one layer a point", ["--hidden", "1024-65536+64", "--batch", "1-16"], 16_144, {
    columns: "layer.seconds",
    overBefore: 0.5,
  }),
  sweep("batch", ["--batch", "1-4096"], 4096, { overBefore: 1.5 }),
  sweep("hidden", ["--hidden", "1024-65536+16"], 4033, { overBefore: 1.5 }),
  sweep("context", ["--context", "1-20000"], 20_000),
];
const MILLION = {
  name: "a million points, seven columns",
  argv: cli(
    ...["sweep", "llama-3-70b-decode-h100", "--hidden", "1024-13696+128", "--batch", "1-100"],
    ...["--context", "1-1600+16", "--format", "csv", "--columns"],
    "layer.seconds,layer.flops,layer.hbmBytes,normalization.seconds,normalization.shareOfTime,normalization.shareOfFlops,layer.modelFlopsUtilization",
  ),
  rounds: 1,
};
const ROUNDS = 11;

const CALLS = 100;

/** A call of a library that has compiled its code, milliseconds. */
async function timeInside(root) {
  const { scenarioOf, simulate } = await import(pathToFileURL(join(root, "dist/index.mjs")));
  const shown = spawnSync(process.execPath, cli("show", "llama-3-70b-prefill-h100", "--resolved")(root));
  const { scenario } = scenarioOf(JSON.parse(shown.stdout));
  const times = Array.from({ length: 20 }, () => {
    const start = performance.now();
    for (let call = 0; call < CALLS; call++) simulate(scenario);
    return (performance.now() - start) / CALLS;
  });
  return median(times.slice(5));
}

const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

function milliseconds({ argv, isInside, points = 1 }, root) {
  const start = performance.now();
  const { status, stdout } = spawnSync(process.execPath, argv(root), {
    stdio: ["ignore", "pipe", "inherit"],
    maxBuffer: 1 << 30,
  });
  if (status !== 0) throw new Error(`${argv(root).join(" ")} exited with ${status}`);
  return isInside === true ? Number(stdout) : (performance.now() - start) / points;
}

/** Medians by name and build. The builds take turns; the first round warms the file cache. */
function timesOf(measures, roots) {
  const times = measures.map(() => roots.map(() => []));
  for (let round = 0; round <= ROUNDS; round++)
    measures.forEach((measure, line) => {
      const { rounds = ROUNDS } = measure;
      if (round > rounds) return;
      roots.forEach((root, build) => {
        const time = milliseconds(measure, root);
        if (round > 0) times[line][build].push(time);
      });
    });
  return new Map(measures.map(({ name }, line) => [name, times[line].map(median)]));
}

/** A commit built apart, with the packages of this tree. */
function build(commit) {
  const root = join(mkdtempSync(join(tmpdir(), "norm-roofline-")), "tree");
  const run = (command, args, cwd) => {
    const { status, stderr } = spawnSync(command, args, { cwd, encoding: "utf8" });
    if (status !== 0) throw new Error(`${command} ${args.join(" ")} exited with ${status}:\n${stderr}`);
  };
  const remove = () => {
    spawnSync("git", ["worktree", "remove", "--force", root], { cwd: ROOT });
    rmSync(join(root, ".."), { recursive: true, force: true });
  };
  try {
    run("git", ["worktree", "add", "--detach", root, commit], ROOT);
    symlinkSync(join(ROOT, "node_modules"), join(root, "node_modules"));
    run("npm", ["run", "--silent", "build"], root);
  } catch (error) {
    remove();
    throw error;
  }
  return { root, remove };
}

/** A line of the table: its times, its ratios, and those of them that are above their limit. */
function lineOf({ name, overNode, over, overBefore }, times) {
  const [here, before] = times.get(name);
  const ratios = [
    ["bare Node", here / times.get("bare Node")[0], overNode],
    ...(over === undefined ? [] : [[over[0], here / times.get(over[0])[0], over[1]]]),
    ...(before === undefined ? [] : [["that commit", here / before, overBefore]]),
  ].filter(([what, , limit]) => limit !== undefined || what === "that commit");
  const texts = ratios.map(
    ([what, ratio, limit]) =>
      `${ratio.toFixed(2)} of ${what}${limit === undefined ? "" : ` (limit ${limit})`}`,
  );
  const isSlow = ratios.some(([, ratio, limit]) => ratio > limit);
  const time = here < 1 ? `${(here * 1e3).toFixed(1)} us` : `${here.toFixed(1)} ms`;
  return { text: `${name.padEnd(54)}${time.padStart(12)}  ${texts.join(", ")}`, isSlow };
}

const { values: options } = parseArgs({
  options: {
    against: { type: "string" },
    check: { type: "boolean" },
    million: { type: "boolean" },
    inside: { type: "string" },
  },
});
if (options.inside !== undefined) {
  console.log(await timeInside(options.inside));
  process.exit();
}
if (!existsSync(join(ROOT, "dist/cli.js"))) throw new Error("dist/ is missing: npm run build");
const other = options.against === undefined ? undefined : build(options.against);
try {
  const measures = [...MEASURES, ...(options.million === true ? [MILLION] : [])];
  const times = timesOf(measures, [ROOT, ...(other === undefined ? [] : [other.root])]);
  const lines = measures.map((measure) => lineOf(measure, times));
  for (const { text } of lines) console.log(text);
  if (options.check === true && lines.some(({ isSlow }) => isSlow)) process.exitCode = 1;
} finally {
  other?.remove();
}
