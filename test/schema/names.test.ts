import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { COMMANDS } from "../../src/help.ts";
import * as library from "../../src/index.ts";
import {
  isPrinted,
  JSON_SCHEMA_NAMES,
  type JsonSchemaName,
  jsonSchema,
} from "../../src/schema/json-schema.ts";
import { command, words } from "../support/command.ts";
import { type Name, nameLine, namesOf, readName } from "../support/names.ts";

/** Parts of one schema that are another one's, or another's part: their names are listed there. */
const SAME: readonly (readonly [string, string])[] = [
  ["claims scenario", "result scenario"],
  ["explanation scenario", "result scenario"],
  ["sensitivity scenario", "result scenario"],
  ["result scenario.model", "model"],
  ["result scenario.hardware", "hardware"],
  ["scenario model", "model"],
  ["scenario hardware", "hardware"],
];

const allOf = (schema: JsonSchemaName): readonly Name[] => namesOf(jsonSchema(schema));
const isBelow = (path: string, part: string): boolean =>
  path.startsWith(part) && /^[.[{]/.test(path.slice(part.length));

/** The names of a schema, but for parts that are listed elsewhere. */
function listed(schema: JsonSchemaName): readonly Name[] {
  const parts = SAME.flatMap(([here]) =>
    here.startsWith(`${schema} `) ? [here.slice(schema.length + 1)] : [],
  );
  return allOf(schema).filter(({ path }) => !parts.some((part) => isBelow(path, part)));
}

const FILE = new URL("names-of-version-1.txt", import.meta.url);

/** Names of a schema under a line with its name. */
function readNames(text: string): Map<string, Name[]> {
  const found = new Map<string, Name[]>();
  for (const block of text.trim().split("\n\n")) {
    const [schema = "", ...lines] = block.split("\n");
    found.set(schema, lines.map(readName));
  }
  return found;
}

const promised = readNames(readFileSync(FILE, "utf8"));
const promisedOf = (schema: string): readonly Name[] => promised.get(schema) ?? [];

/** What a script that knows the promised name would miss in today's. */
function missing(before: Name, after: Name | undefined, printed: boolean): string[] {
  if (after === undefined) return ["it is gone"];
  const lost = [
    ...before.types.filter((type) => !accepts(after.types, type)).map((type) => `it is no ${type} any more`),
    ...before.values
      .filter((value) => !after.values.includes(value))
      .map((value) => `it is never ${value} any more`),
  ];
  if (printed) {
    const more = after.types.filter((type) => !accepts(before.types, type));
    lost.push(...more.map((type) => `it may be a ${type} now`));
    if (before.required && !after.required) lost.push("it may be absent");
  }
  if (!printed && !before.required && after.required) lost.push("files have to have it");
  return lost;
}

const accepts = (types: readonly string[], type: string): boolean =>
  types.includes(type) || (type === "integer" && types.includes("number"));

const changes = (schema: JsonSchemaName, before: readonly Name[], after: readonly Name[]): string[] =>
  before.flatMap((name) =>
    missing(
      name,
      after.find(({ path }) => path === name.path),
      isPrinted(schema),
    ).map((lost) => `${schema} ${name.path}: ${lost}`),
  );

/** New names that files written before do not have, in objects that they may have. */
function newlyRequired(schema: JsonSchemaName, before: readonly Name[], after: readonly Name[]): string[] {
  if (isPrinted(schema) || before.length === 0) return [];
  const known = new Set(before.map(({ path }) => path));
  return after
    .filter(({ path, required }) => required && /\w$/.test(path) && !known.has(path))
    .filter(({ path }) => !path.includes(".") || known.has(path.replace(/\.\w+$/, "")))
    .map(({ path }) => `${schema} ${path}: new, and files have to have it`);
}

/** What is promised from now on: the same and what is new. */
function withNew(schema: JsonSchemaName): string {
  const names = new Map(promisedOf(schema).map((name) => [name.path, name]));
  for (const name of listed(schema)) names.set(name.path, name);
  return [schema, ...[...names.values()].map(nameLine)].join("\n");
}

describe("names of schemaVersion 1", () => {
  test.each(JSON_SCHEMA_NAMES)("of %s are all still there, and files need no more of them", (schema) => {
    expect(changes(schema, promisedOf(schema), listed(schema))).toEqual([]);
    expect(newlyRequired(schema, promisedOf(schema), listed(schema))).toEqual([]);
  });

  test("are those of schemas that are all still there", () => {
    expect(
      [...promised.keys()].filter((schema) => !JSON_SCHEMA_NAMES.some((name) => name === schema)),
    ).toEqual([]);
  });

  // part of a release: what was added since the last one never changes from now on
  test.runIf(process.env["UPDATE_NAMES"])("that are new are promised too", () => {
    const broken = JSON_SCHEMA_NAMES.flatMap((schema) => [
      ...changes(schema, promisedOf(schema), listed(schema)),
      ...newlyRequired(schema, promisedOf(schema), listed(schema)),
    ]);
    expect(broken).toEqual([]);
    writeFileSync(FILE, `${JSON_SCHEMA_NAMES.map(withNew).join("\n\n")}\n`);
  });

  test.each(SAME)("of %s are those of %s", (here, there) => {
    const named = (place: string): unknown => {
      const [schema, part = ""] = place.split(" ") as [JsonSchemaName, string?];
      return allOf(schema)
        .filter(({ path }) => part === "" || isBelow(path, part))
        .map(({ path, types, values }) => ({
          path: part === "" ? path : path.slice(part.length + 1),
          types,
          values,
        }));
    };
    expect(named(here)).toEqual(named(there));
  });
});

/** [command line, columns of its CSV]: they stay, in this order; new ones come behind them. */
const COLUMNS: readonly (readonly [string, string])[] = [
  [
    "run",
    "scenario,model,hardware,phase,name,class,flops,hbmReadBytes,hbmWriteBytes,kernels,arithmeticIntensity,seconds,idealSeconds,bound,shareOfTime",
  ],
  [
    "compare",
    "scenario,model,hardware,workload,precision,runtime,normKind,normImplementation,layerSeconds,idealSeconds,normalizationSeconds,normalizationShareOfTime,normalizationShareOfFlops,normalizationShareOfHbmBytes,rmsnormSavesShareOfTime,fusedRmsnormSavesShareOfTime,residualFusedRmsnormSavesShareOfTime,eagerRmsnormSavesShareOfTime,modelFlopsUtilization,bandwidthUtilization,wholeModelSeconds,tokensPerSecond",
  ],
  [
    "run --batch 1,2",
    "batch,layerSeconds,normalizationShareOfTime,normalizationShareOfFlops,rmsnormSavesShareOfTime,eagerRmsnormSavesShareOfTime",
  ],
  [
    "sweep --batch 1,2",
    "batch,layerSeconds,normalizationShareOfTime,normalizationShareOfFlops,rmsnormSavesShareOfTime,eagerRmsnormSavesShareOfTime",
  ],
  ["sweep --batch 1,2 --columns layer.flops,layer.seconds", "batch,layer.flops,layer.seconds"],
  ["claims", "id,verdict,condition,value,threshold,place"],
  [
    "solve --target normalization.shareOfTime=1% --vary batch --range 1-4",
    "parameter,value,direction,kind,beforeValue,before,after",
  ],
  ["explain ffn-norm", "operator,kernel,name,formula,substituted,value"],
  ["sensitivity", "parameter,value,shareOfTimeChange,savingChange,layerSecondsChange"],
  [
    "accuracy --against measurements/h100-sxm/counters.jsonl",
    "against,section,name,rows,medianError,percentile90Error,worstError,bias,datasheetMedianError,leftOutMedianError,phase,resolved,medianErrorPoints,percentile90ErrorPoints,rightSign",
  ],
  [
    "trace test/trace/traces/llama-3-70b-prefill-1x4096-eager-bf16.json.gz",
    "file,section,name,direction,rows,columns,dtype,fusedWith,count,kernels,seconds,shareOfKernelTime,bytes,roofSeconds,predictedSeconds",
  ],
  ["list", "kind,name,description"],
];

describe("columns of CSV", () => {
  test.each(COLUMNS)("of `%s` keep their names and places", async (line, columns) => {
    const { stdout, code } = await command([...words(line), "--format", "csv"]);
    expect(code).toBe(0);
    const header = stdout.slice(0, stdout.indexOf("\n")).split(",");
    expect(header.slice(0, columns.split(",").length)).toEqual(columns.split(","));
  });

  test("are promised of every command that has a CSV", async () => {
    const known = new Set(COLUMNS.map(([line]) => words(line)[0]));
    for (const name of Object.keys(COMMANDS)) {
      const { stdout } = await command([name, "--help"]);
      expect(known.has(name)).toBe(/"csv"/.test(stdout));
    }
  });
});

const LINES = new URL("command-lines-of-version-1.txt", import.meta.url);

/** `run --batch --json`: a command and every flag in its help. */
async function commandLine(name: string): Promise<string> {
  const { stdout } = await command([name, "--help"], { columns: 200 });
  const flags = [...stdout.matchAll(/^ +(?:-\w, )?(--[\w-]+)/gm)].map(([, flag]) => flag);
  return [name, ...new Set(flags)].join(" ");
}

describe("commands and their flags", () => {
  test("are all still there", async () => {
    const before = readFileSync(LINES, "utf8").trim().split("\n");
    const now = await Promise.all(Object.keys(COMMANDS).map(commandLine));
    const gone = before.flatMap((line) => {
      const [name = "", ...flags] = line.split(" ");
      const [known, ...have] = now.find((one) => one.split(" ")[0] === name)?.split(" ") ?? [];
      if (known === undefined) return [name];
      return flags.filter((flag) => !have.includes(flag)).map((flag) => `${name} ${flag}`);
    });
    expect(gone).toEqual([]);
    if (process.env["UPDATE_NAMES"]) writeFileSync(LINES, `${now.join("\n")}\n`);
  });
});

describe("the library", () => {
  test("exports what it promised", () => {
    const promise =
      "HardwareSchema ModelSchema ResultSchema ScenarioFileSchema importModel layerSimulator parseHardware parseModel parseScenario resolveScenario scenarioOf simulate";
    expect(Object.keys(library)).toEqual(expect.arrayContaining(promise.split(" ")));
  });
});

describe("the guard of names", () => {
  const name: Name = { path: "layer.seconds", required: true, types: ["number"], values: [] };
  const word: Name = { path: "bound", required: false, types: ["string"], values: ["cache", "host"] };

  test.each<[string, JsonSchemaName, Name, Name[], RegExp | undefined]>([
    ["the same", "result", name, [name], undefined],
    ["a field more", "result", name, [name, { ...name, path: "layer.more" }], undefined],
    ["a word more", "result", word, [{ ...word, values: ["cache", "host", "network"] }], undefined],
    ["a name gone", "result", name, [], /layer\.seconds: it is gone/],
    ["a name changed", "result", name, [{ ...name, path: "layer.time" }], /it is gone/],
    ["another type", "result", name, [{ ...name, types: ["string"] }], /no number any more/],
    ["one more type printed", "result", name, [{ ...name, types: ["null", "number"] }], /may be a null now/],
    ["one more type taken", "scenario", name, [{ ...name, types: ["null", "number"] }], undefined],
    ["a word gone", "result", word, [{ ...word, values: ["cache"] }], /never host any more/],
    ["a printed field that may be absent", "result", name, [{ ...name, required: false }], /may be absent/],
    ["a field that files may leave out", "scenario", name, [{ ...name, required: false }], undefined],
    [
      "a field that files must have",
      "scenario",
      word,
      [{ ...word, required: true }],
      /files have to have it/,
    ],
  ])("judges %s", (_, schema, before, after, complaint) => {
    const found = changes(schema, [before], after);
    if (complaint === undefined) expect(found).toEqual([]);
    else expect(found.join()).toMatch(complaint);
  });

  test("sees a field that all old files lack, unless it is in an object that they lack too", () => {
    const model: Name = { path: "model", required: true, types: ["object"], values: [] };
    const inside = (path: string, required: boolean): Name => ({ ...model, path, required });
    expect(newlyRequired("scenario", [model], [model, inside("model.rank", true)])).toHaveLength(1);
    expect(newlyRequired("scenario", [model], [model, inside("rank", true)])).toHaveLength(1);
    expect(newlyRequired("scenario", [model], [model, inside("model.rank", false)])).toEqual([]);
    expect(
      newlyRequired("scenario", [model], [model, inside("extra", false), inside("extra.rank", true)]),
    ).toEqual([]);
  });

  test("reads back the lines that it writes", () => {
    for (const schema of JSON_SCHEMA_NAMES)
      for (const one of allOf(schema)) expect(readName(nameLine(one))).toEqual(one);
  });
});
