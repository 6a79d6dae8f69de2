/**
 * Every gate, one after the other, on an installed tree: `npm run check`. A step that fails does not keep the others from
 * running; what failed stands in the table at the end, and the exit code is 1.
 *
 *     npm run check -- --only lint,types     some of them, by name
 *     npm run check -- --without test        all others
 */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** A new gate is one line here: its name, and the command that exits with something else than 0 where it fails. */
const STEPS = [
  ["types", "npm run --silent types"],
  ["lint", "npm run --silent lint"],
  ["unused", "npm run --silent unused"],
  ["test", "npm run --silent test:all"],
  // a file of each folder of the physics, by the tests that are about them: all of them take hours
  [
    "mutation",
    "MUTATION_TESTS=engine/layer/kernel-list,engine/layer/dataflow,engine/layer/reference-collective,engine/layer/structure,engine/layer/backward,engine/device/laws,engine/device/rows,engine/device/matmul,engine/device/attention,engine/device/element-wise,calibration/measured npm run --silent mutation -- --mutate src/engine/device/math.ts,src/engine/layer/collective.ts,src/calibration/norm-name.ts",
  ],
  ["build", "npm run --silent build"],
  ["generated", "node tools/check-generated.mjs"],
  ["run", "npm start --silent"],
  // the worst: decode in fp8, 6 and 7%
  ["accuracy-h100", "node dist/cli.js accuracy h100-sxm --max-error 0.08 >/dev/null"],
  ["accuracy-h200", "node dist/cli.js accuracy h200-sxm --max-error 0.08 >/dev/null"],
  ["package", "npm run --silent package"],
  ["audit", "npm run --silent audit"],
];

const { values: options } = parseArgs({
  options: { only: { type: "string" }, without: { type: "string", default: "" } },
});

const NAMES = STEPS.map(([name]) => name);
const namesIn = (text) => text.split(",").filter(Boolean);

function asked() {
  const [only, without] = [
    options.only === undefined ? NAMES : namesIn(options.only),
    namesIn(options.without),
  ];
  const unknown = [...only, ...without].find((name) => !NAMES.includes(name));
  if (unknown !== undefined) {
    console.error(`error: no step named ${JSON.stringify(unknown)}: there is ${NAMES.join(", ")}`);
    process.exit(2);
  }
  return STEPS.filter(([name]) => only.includes(name) && !without.includes(name));
}

function runStep([name, command]) {
  console.log(`\n== ${name}: ${command}`);
  const start = performance.now();
  const { status } = spawnSync(command, { cwd: ROOT, shell: true, stdio: "inherit" });
  return { name, passed: status === 0, seconds: (performance.now() - start) / 1000 };
}

const done = asked().map(runStep);
console.log("");
for (const { name, passed, seconds } of done)
  console.log(`${passed ? "ok    " : "FAILED"}  ${name.padEnd(14)} ${seconds.toFixed(1).padStart(6)} s`);
const failed = done.filter(({ passed }) => !passed).map(({ name }) => name);
console.log(failed.length === 0 ? `all ${done.length} steps passed` : `failed: ${failed.join(", ")}`);
if (failed.length > 0) process.exitCode = 1;
