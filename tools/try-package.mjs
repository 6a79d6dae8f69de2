/**
 * Packs the package, installs it into an empty folder and uses it there as its users do:
 *
 *     npm run package                          with this Node
 *     npm run package -- --nodes 20,22,24      and with these, from the npm package `node` (100 MB)
 *
 * Needs the npm registry for the package's one dependency. Exits 1 where anything failed; the table at the end says what
 * was tried.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { Ajv2020 } from "ajv/dist/2020.js";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import ts from "typescript";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const NAME = "norm-roofline";
/** A download of more than this, or more than this on the disk, is a surprise. */
const LARGEST_PACKED_BYTES = 3_000_000;
const LARGEST_UNPACKED_BYTES = 16_000_000;
/** Folders that are shipped with all that git knows of them, and files that every reader needs. */
const DATA = ["hardware-profiles", "models", "scenarios", "stacks", "schemas", "measurements"];
const TEXTS = ["LICENSE", "README.md", "CHANGELOG.md", "package.json"];

const { values: options } = parseArgs({ options: { nodes: { type: "string", default: "" } } });
const scratch = mkdtempSync(join(tmpdir(), "try-package-"));
/** What was tried: name, and what was found or what went wrong. */
const tried = [];

/** Tries one thing; what it returns is the detail of its row. A failure does not keep the others from being tried. */
async function attempt(name, doIt) {
  try {
    tried.push({ name, passed: true, detail: (await doIt()) ?? "" });
  } catch (error) {
    tried.push({ name, passed: false, detail: error.message });
  }
}

function expect(holds, message) {
  if (!holds) throw new Error(message);
}

/** Runs a program to its end: its standard output; anything but exit code 0 is an error. */
function run(program, argv, { cwd = scratch, input, env = {} } = {}) {
  const all = { ...process.env, COLUMNS: "80", NO_COLOR: "1", ...env };
  const done = spawnSync(program, argv, { cwd, encoding: "utf8", maxBuffer: 1e9, input, env: all });
  if (done.error !== undefined) throw done.error;
  const said = `${done.stderr}${done.stdout}`.trim().split("\n").slice(0, 12).join("\n");
  expect(done.status === 0, `${program} ${argv.join(" ")} exited with ${done.status}: ${said}`);
  return done.stdout;
}

const readJson = (path) => JSON.parse(readFileSync(path, "utf8"));

const kilobytes = (bytes) => `${Math.round(bytes / 1000)} kB`;

/** What npm puts into the tarball, after the build that packing starts. */
function pack() {
  const text = run("npm", ["pack", "--json", "--pack-destination", scratch], { cwd: ROOT });
  const [packed] = JSON.parse(text.slice(text.indexOf("[")));
  return { ...packed, tarball: join(scratch, packed.filename), paths: packed.files.map(({ path }) => path) };
}

function checkSize({ size, unpackedSize, entryCount }) {
  const found = `${kilobytes(size)} packed, ${kilobytes(unpackedSize)} unpacked, ${entryCount} files`;
  expect(size <= LARGEST_PACKED_BYTES, `${found}: more than ${kilobytes(LARGEST_PACKED_BYTES)} packed`);
  expect(
    unpackedSize <= LARGEST_UNPACKED_BYTES,
    `${found}: more than ${kilobytes(LARGEST_UNPACKED_BYTES)} unpacked`,
  );
  return found;
}

function checkNeeded({ paths }) {
  const known = run("git", ["ls-files", "--", ...DATA], { cwd: ROOT })
    .trim()
    .split("\n");
  const linked = [...readFileSync(join(ROOT, "README.md"), "utf8").matchAll(/\]\(([\w./-]+)\)/g)].map(
    ([, path]) => path,
  );
  const manifest = readJson(join(ROOT, "package.json"));
  const entries = [manifest.bin[NAME], manifest.exports["."].types, manifest.exports["."].default].map(
    (path) => path.replace(/^\.\//, ""),
  );
  const needed = [...known, ...TEXTS, ...linked, ...entries, "dist/sweep-worker.js", "dist/page.iife.js"];
  const missing = needed.filter((path) => !paths.includes(path));
  expect(missing.length === 0, `not packed: ${missing.join(", ")}`);
  return `${new Set(needed).size} files of data, texts that README.md links to, entries`;
}

/** Nothing that git does not know but the build, and of the build nothing that no other file of it names. */
function checkUnneeded({ paths }) {
  const known = new Set(run("git", ["ls-files"], { cwd: ROOT }).trim().split("\n"));
  const strange = paths.filter((path) => !path.startsWith("dist/") && !known.has(path));
  const development = paths.filter((path) => /^(src|test|node_modules|\.)|\.map$|(?<!\.d)\.m?ts$/.test(path));
  const built = paths.filter((path) => /^dist\/.*\.js$/.test(path));
  const texts = new Map(built.map((path) => [path, readFileSync(join(ROOT, path), "utf8")]));
  const { bin } = readJson(join(ROOT, "package.json"));
  const left = built
    .filter((path) => path !== bin[NAME])
    .filter(
      (path) =>
        ![...texts].some(([other, text]) => other !== path && text.includes(path.slice("dist/".length))),
    );
  const unneeded = [...strange, ...development, ...left];
  expect(unneeded.length === 0, `packed without need: ${unneeded.join(", ")}`);
  return "only what git knows and what the build made";
}

async function checkWithPublint({ tarball }) {
  const bytes = readFileSync(tarball);
  const tarballBuffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength);
  const { messages, pkg } = await publint({ pack: { tarball: tarballBuffer }, strict: true });
  const texts = messages.map((message) => `${message.type}: ${formatMessage(message, pkg)}`);
  expect(messages.length === 0, texts.join("; "));
  return "no message, suggestions included";
}

/** A folder that has nothing but the installed package. */
function install(tarball) {
  const home = join(scratch, "home");
  mkdirSync(home);
  run("npm", ["init", "-y"], { cwd: home });
  run("npm", ["install", "--no-audit", "--no-fund", tarball], { cwd: home });
  return { home, at: join(home, "node_modules", NAME) };
}

const npx = (home, argv, more = {}) => run("npx", ["--no-install", NAME, ...argv], { cwd: home, ...more });

/** The same command line, from the repository. */
const fromHere = (argv) => run(process.execPath, [join(ROOT, "dist/cli.js"), ...argv]);

function checkRun({ home }) {
  const text = npx(home, ["run"]);
  expect(text === fromHere(["run"]), "prints something else than the repository's");
  return `${text.length} characters, the repository's bytes`;
}

function checkJson({ home, at }) {
  const result = JSON.parse(npx(home, ["run", "--json"]));
  const ajv = new Ajv2020({ strict: false });
  const valid = ajv.validate(readJson(join(at, "schemas/result.schema.json")), result);
  expect(valid, ajv.errorsText());
  const { version } = readJson(join(at, "package.json"));
  expect(result.version === version, `version ${result.version} in the result, ${version} in the package`);
  return `valid by the shipped schema, version ${version}`;
}

function checkList({ home, at }) {
  const rows = JSON.parse(npx(home, ["list", "--json"]));
  const counts = {
    model: "models",
    hardware: "hardware-profiles",
    scenario: "scenarios",
    stack: "stacks",
  };
  for (const [kind, folder] of Object.entries(counts)) {
    const [listed, shipped] = [rows.filter((row) => row.kind === kind), readdirSync(join(at, folder))];
    expect(listed.length === shipped.length, `${listed.length} of ${shipped.length} ${folder} listed`);
  }
  return `${rows.length} names`;
}

function checkReport({ home }) {
  const path = join(home, "report.html");
  npx(home, ["report", "-o", path]);
  const page = readFileSync(path, "utf8");
  expect(/^<!doctype html>/i.test(page) && page.includes("</html>"), "is no whole page");
  return kilobytes(statSync(path).size);
}

const SWEEP = [
  "sweep",
  "--phase",
  "decode",
  "--batch",
  "1-100",
  "--context",
  "1024-102400+1024",
  "--format",
  "csv",
];

function checkSweep({ home }) {
  const threads = npx(home, [...SWEEP, "--jobs", "2"]);
  expect(threads === npx(home, [...SWEEP, "--jobs", "1"]), "two threads write something else than one");
  expect(threads.trim().split("\n").length === 10_001, "has not a line a point");
  return "10,000 points, two threads, the bytes of one";
}

function checkScenario({ home, at }) {
  const path = join(home, "mine.json");
  const scenario = readJson(join(at, "scenarios/llama-3-70b-prefill-h100.json"));
  writeFileSync(path, JSON.stringify({ ...scenario, workload: { phase: "decode", batch: 3, context: 777 } }));
  expect(npx(home, ["run", "mine.json"]).includes("decode"), "does not run my scenario");
  expect(npx(home, ["check", "mine.json"]).startsWith("ok  scenario"), "does not check my scenario");
  const piped = npx(home, ["run", "-", "--json"], { input: readFileSync(path) });
  expect(JSON.parse(piped).scenario.workload.context === 777, "does not read standard input");
  return "by path and from standard input";
}

const REFUSED = ["run", "--batch", "0"];

function checkRefusal({ home }) {
  const { status, stdout, stderr } = spawnSync("npx", ["--no-install", NAME, ...REFUSED], {
    cwd: home,
    encoding: "utf8",
  });
  expect(status === 2 && stdout === "" && /^error: /m.test(stderr), `exits with ${status}: ${stderr}`);
  return "exit code 2, nothing on standard output";
}

/** Every name that the library exports, as TypeScript sees it in the installed package. */
function exportedNames(at) {
  const path = join(at, "dist/index.d.mts");
  const program = ts.createProgram([path], {
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
  });
  const checker = program.getTypeChecker();
  const names = checker.getExportsOfModule(checker.getSymbolAtLocation(program.getSourceFile(path)));
  const isValue = (symbol) => {
    const meant = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
    return (meant.flags & ts.SymbolFlags.Value) !== 0;
  };
  return {
    values: names.filter(isValue).map(({ name }) => name),
    types: names.filter((symbol) => !isValue(symbol)).map(({ name }) => name),
  };
}

/** A program that imports every name, and computes a share in three ways: simulate, layerSimulator, own model. */
const consumerText = ({ values, types }) => `
import hardware from "${NAME}/hardware-profiles/h100-sxm.json" with { type: "json" };
import model from "${NAME}/models/llama-3-70b.json" with { type: "json" };
import { ${[...values, ...types.map((name) => `type ${name}`)].join(", ")} } from "${NAME}";

export type Every = [${types.map((name) => (name === "Outcome" ? "Outcome<Model>" : name)).join(", ")}];
const every: readonly unknown[] = [${values.join(", ")}];
if (every.some((value) => value === undefined)) throw new Error("an export is undefined");

const parsed: Outcome<Model> = parseModel(model);
if (parsed.problems !== undefined) throw new Error(parsed.problems.join("; "));
const resolved: Resolution = scenarioOf({ model: parsed.value, hardware, workload: { phase: "prefill", sequence: 4096 } });
if (resolved.problems !== undefined) throw new Error(resolved.problems.join("; "));
const result: Result = simulate(resolved.scenario);
const again: number | null = layerSimulator()(resolved.scenario).normalization().shareOfTime;
if (again !== result.normalization.shareOfTime) throw new Error("two ways, two shares");
if (ResultSchema.safeParse(result).success !== true) throw new Error("no valid result");
const refused = parseModel({ hidden: -1 });
if (refused.problems === undefined) throw new Error("takes what is no model");
// null on a device that has only its datasheet
export const answer: number | null = result.normalization.shareOfTime;
process.stdout.write(\`\${result.version} \${answer}\\n\`);
`;

const TSCONFIG = {
  compilerOptions: {
    module: "nodenext",
    target: "es2022",
    lib: ["es2023"],
    // zod asks for URL
    types: ["node"],
    typeRoots: [join(ROOT, "node_modules/@types")],
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    resolveJsonModule: true,
    outDir: "out",
  },
  files: ["consumer.mts"],
};

const CONSUMER = "out/consumer.mjs";

function checkTypes({ home, at }) {
  const names = exportedNames(at);
  writeFileSync(join(home, "consumer.mts"), consumerText(names));
  writeFileSync(join(home, "tsconfig.json"), JSON.stringify(TSCONFIG));
  run(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-p", "."], { cwd: home });
  return `${names.values.length} values and ${names.types.length} types, strict, libraries checked`;
}

function checkLibrary({ home }, node = process.execPath) {
  const text = run(node, [CONSUMER], { cwd: home }).trim();
  const { version, normalization } = JSON.parse(fromHere(["run", "--norm", "rmsnorm", "--json"]));
  expect(
    text === `${version} ${normalization.shareOfTime}`,
    `computes ${text}, run ${normalization.shareOfTime}`,
  );
  return "computes what run prints";
}

/** Another Node, from the npm package of that name. */
function installNode(version) {
  const folder = join(scratch, `node-${version}`);
  mkdirSync(folder);
  run("npm", ["init", "-y"], { cwd: folder });
  run("npm", ["install", "--no-audit", "--no-fund", `node@${version}`], { cwd: folder });
  return join(folder, "node_modules/node/bin/node");
}

/** What would show a last digit that another Node computes in another way. */
function linesOf({ at }) {
  const scenarios = readdirSync(join(at, "scenarios")).map((file) => file.replace(/\.json$/, ""));
  const ranges = [
    ["--vary", "hidden"],
    ["--vary", "hardware.hbmBytesPerSecond", "--range", "1e12-1e13"],
  ];
  return [
    ["run"],
    ["list"],
    ["claims"],
    ["sensitivity", "--json"],
    ["run", ...scenarios, "--json"],
    ...scenarios.map((name) => ["explain", name, "--json"]),
    ...ranges.map((range) => ["solve", "--target", "normalization.shareOfTime=0.02", ...range, "--json"]),
    ["sweep", "--batch", "1-16", "--sequence", "16-2048+16", "--norm", ":native,:fused", "--format", "csv"],
  ];
}

async function tryNode(version, installed) {
  const cli = join(installed.at, "dist/cli.js");
  let node;
  await attempt(`Node ${version}: is there`, () => {
    node = installNode(version);
    const found = run(node, ["--version"]).trim();
    expect(found.startsWith(`v${version}.`), `is ${found}`);
    return found;
  });
  if (node === undefined) return;
  await attempt(`Node ${version}: same bytes`, () => {
    const lines = linesOf(installed);
    for (const argv of lines)
      expect(run(node, [cli, ...argv]) === fromHere(argv), `${argv.join(" ")} prints other bytes`);
    return `${lines.length} command lines, as Node ${process.versions.node} prints them`;
  });
  await attempt(`Node ${version}: sweep --jobs 2`, () => {
    expect(run(node, [cli, ...SWEEP, "--jobs", "2"]) === fromHere(SWEEP), "writes other bytes");
    return "10,000 points, the same bytes";
  });
  await attempt(`Node ${version}: library`, () => checkLibrary(installed, node));
}

async function tryInstalled(installed) {
  await attempt("npx norm-roofline run", () => checkRun(installed));
  await attempt("run --json", () => checkJson(installed));
  await attempt("list", () => checkList(installed));
  await attempt("report -o", () => checkReport(installed));
  await attempt("sweep --jobs 2", () => checkSweep(installed));
  await attempt("a scenario file", () => checkScenario(installed));
  await attempt("wrong input", () => checkRefusal(installed));
  await attempt("TypeScript consumer", () => checkTypes(installed));
  await attempt("library", () => checkLibrary(installed));
  for (const version of options.nodes.split(",").filter(Boolean)) await tryNode(version, installed);
}

function printTable() {
  const width = Math.max(...tried.map(({ name }) => name.length));
  for (const { name, passed, detail } of tried)
    console.log(`${passed ? "ok    " : "FAILED"}  ${name.padEnd(width)}  ${detail}`);
  const failed = tried.filter(({ passed }) => !passed).length;
  console.log(`${tried.length} tried, ${failed} failed`);
  if (failed > 0) process.exitCode = 1;
}

try {
  let packed;
  let installed;
  await attempt("npm pack", () => {
    packed = pack();
    return packed.filename;
  });
  if (packed !== undefined) {
    await attempt("size", () => checkSize(packed));
    await attempt("all that is needed", () => checkNeeded(packed));
    await attempt("nothing else", () => checkUnneeded(packed));
    await attempt("publint", () => checkWithPublint(packed));
    await attempt("npm install", () => {
      installed = install(packed.tarball);
      return "into an empty folder";
    });
  }
  if (installed !== undefined) await tryInstalled(installed);
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
printTable();
