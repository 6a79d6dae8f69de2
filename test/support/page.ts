import { readdirSync, readFileSync } from "node:fs";
import type { PageData, PageScenario } from "../../src/report/page/data.ts";
import type { ScenarioFile } from "../../src/schema/scenario.ts";
import { hardware, model, scenario } from "./scenarios.ts";

const names = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith(".json"))
    .map((name) => name.slice(0, -".json".length));

function without$schema<T extends { $schema?: string | undefined }>({ $schema: _, ...rest }: T): T {
  return rest as T;
}

const { description } = JSON.parse(
  readFileSync(new URL("../../scenarios/llama-3-70b-prefill-h100.json", import.meta.url), "utf8"),
) as { description: string };

const { model: _, hardware: __, ...defaults } = scenario();

export const pageScenario = (changes: Partial<PageScenario> = {}): PageScenario => ({
  reference: "llama-3-70b-prefill-h100",
  file: { description, ...defaults, model: "llama-3-70b", hardware: "h100-sxm" } as ScenarioFile,
  own: "llama-3-70b",
  point: {},
  settings: [],
  ...changes,
});

/** What `report` puts into a page of the default scenario, without the answers that take long. */
export const pageData = (changes: Partial<PageData> = {}): PageData => ({
  version: "0.0.0",
  scenarios: [pageScenario()],
  models: Object.fromEntries(names("models").map((name) => [name, without$schema(model(name))])),
  devices: Object.fromEntries(
    names("hardware-profiles").map((name) => [name, without$schema(hardware(name))]),
  ),
  opening: { claims: [], reaches: [] },
  ...changes,
});
