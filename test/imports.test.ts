import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { expect, test } from "vitest";

const SRC = "src";

const sources = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".ts"))
  .map((name) => join(SRC, name));

/** Each file of src with those that a pattern finds in it. */
const importsBy = (pattern: RegExp): ReadonlyMap<string, readonly string[]> =>
  new Map(
    sources.map((path) => {
      const named = readFileSync(path, "utf8").matchAll(pattern);
      return [path, [...named].map(([, to]) => join(dirname(path), to!))];
    }),
  );

/** For types or lazily as well. */
const imports = importsBy(/\b(?:from|import)[ (]+"(\.[^"]+)"/g);

/** Of code that runs: types are gone by then. */
const codeImports = importsBy(/\b(?:(?:import|export) (?!type)[^;]*?from|import\()\s*"(\.[^"]+)"/g);

/** A file and all that it leads to. */
function reached(path: string, found = new Set<string>()): ReadonlySet<string> {
  if (found.has(path)) return found;
  found.add(path);
  for (const to of codeImports.get(path) ?? []) reached(to, found);
  return found;
}

/** What is left when files that import none of the others, or are imported by none, are taken away again and again. */
function inCircles(files: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, readonly string[]> {
  const imported = new Set([...files.values()].flat());
  const left = new Map(
    [...files].filter(([path, to]) => imported.has(path) && to.some((one) => files.has(one))),
  );
  return left.size === files.size ? left : inCircles(left);
}

const ENGINE = ["schema", "engine", "engine/layer", "engine/device", "engine/model"];

/** Which folders a folder may import, besides its own and the small files of src itself (units, errors, names). */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  schema: [],
  "hugging-face": ["schema"],
  io: ["schema", "hugging-face"],
  "engine/layer": ["schema"],
  "engine/device": ["schema", "engine/layer"],
  "engine/model": ["schema", "engine/layer", "engine/device"],
  engine: ENGINE,
  ask: ["schema"],
  "ask/command-line": ["schema", "hugging-face", "io", "ask"],
  study: [...ENGINE, "ask"],
  "study/explain": [...ENGINE, "ask", "study"],
  calibration: ENGINE,
  trace: ENGINE,
  "report/text": ["schema", "ask", "study", "report/chart"],
  "report/chart": ["schema", "ask", "study", "report/text"],
  "report/page": ["schema", "ask", "study", "report/chart", "report/text"],
};

test.each(Object.entries(MAY_IMPORT))("%s imports only what lies below it", (folder, below) => {
  const allowed = ["", folder, ...below].map((one) => join(SRC, one));
  const files = [...imports].filter(([path]) => dirname(path) === join(SRC, folder));
  expect(files).not.toEqual([]);
  for (const [path, to] of files)
    for (const one of to)
      if (one !== "package.json") expect(allowed, `${path} imports ${one}`).toContain(dirname(one));
});

test("reports never simulate: nothing that they import leads to the timing of a layer", () => {
  const timing = join(SRC, "engine/timed-layer.ts");
  expect([...reached(join(SRC, "commands/run.ts"))]).toContain(timing);
  const reports = sources.filter((path) => path.startsWith(join(SRC, "report/")));
  expect(reports).not.toEqual([]);
  for (const path of reports) expect([...reached(path)], path).not.toContain(timing);
});

test("a command is one file: it exports itself, and imports no other command", () => {
  const commands = [...imports].filter(([path]) => dirname(path) === join(SRC, "commands"));
  expect(commands.length).toBeGreaterThan(10);
  for (const [path, to] of commands) {
    const exported = [
      ...readFileSync(path, "utf8").matchAll(/^export (?!type|interface)(?:async )?\w+ (\w+)/gm),
    ];
    expect(exported.map(([, name]) => name)).toEqual([basename(path, ".ts")]);
    expect(to.map((one) => dirname(one))).not.toContain(join(SRC, "commands"));
  }
});

test("files of src import each other in one direction: there is no circle", () => {
  expect(imports.get(join(SRC, "cli.ts"))).toContain(join(SRC, "main.ts"));
  expect([...inCircles(imports).keys()]).toEqual([]);
});
