import { readdirSync, readFileSync } from "node:fs";
import { CONFIGS } from "../../hugging-face/configs.ts";
import { type Tree, treeOf } from "./tree.ts";

const ROOT = new URL("../../../", import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), "utf8");

type Json = Readonly<Record<string, unknown>>;

const filesIn = (folder: string): Readonly<Record<string, Json>> =>
  Object.fromEntries(
    readdirSync(new URL(folder, ROOT))
      .filter((name) => name.endsWith(".json"))
      .sort()
      .map((name) => [name.replace(/\.json$/, ""), JSON.parse(read(`${folder}/${name}`))]),
  );

const models = filesIn("models");
const devices = filesIn("hardware-profiles");
const scenarios = filesIn("scenarios");

/** With the model and the device in full, so that these are changed too. */
const inFull = (scenario: Json): Json => ({
  ...scenario,
  model: models[String(scenario["model"])],
  hardware: devices[String(scenario["hardware"])],
});

const trees = (values: readonly unknown[]): readonly Tree[] => values.map(treeOf);

export const MODELS = trees(Object.values(models));
export const HARDWARE = trees(Object.values(devices));
export const SCENARIOS = trees([...Object.values(scenarios), ...Object.values(scenarios).map(inFull)]);
export const HUGGING_FACE = trees(Object.values(CONFIGS).map(({ config }) => config));

/** Rows of each kind that tools/measure_gpu.py writes: no kind is drowned by another. */
export const MEASUREMENTS: readonly (readonly Tree[])[] = (() => {
  const byKind = new Map<string, Tree[]>();
  for (const file of ["measured", "parts", "counters", "all-reduce-vidur", "more-layers", "head-widths"]) {
    for (const line of read(`measurements/h100-sxm/${file}.jsonl`).trim().split("\n")) {
      const row = JSON.parse(line) as Json;
      const kind = String(row["kind"]);
      byKind.set(kind, [...(byKind.get(kind) ?? []), treeOf(row)]);
    }
  }
  return [...byKind.values()];
})();
