/**
 * The results of thousands of random scenarios, recorded before the engine is rearranged and compared after it: what
 * should stay as it is stays as it is, to the last bit or to a named tolerance.
 *
 *     npm run record -- --runs 2000 --seed 1 -o before.json
 *     npm run record -- --against before.json --tolerance 1e-12
 *
 * A record holds its scenarios, hardware and models in full, so that it can be compared on any later commit. Every
 * number, text and list that was recorded is compared; what a later commit adds to a result is not looked at. Exit code
 * 1 where anything differs by more than the tolerance.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import fc from "fast-check";
import { simulate } from "../src/engine/simulate.ts";
import type { Scenario } from "../src/schema/scenario.ts";
import { narrowScenario, tinyScenario } from "../test/support/layers.ts";
import { anyScenario } from "../test/support/scenarios.ts";
import { shippedScenario } from "../test/support/shipped-scenarios.ts";
import { runsAndSeed } from "./runs-and-seed.ts";

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };

/** Shared by many cases, so written once. */
interface Parts {
  readonly models: readonly Scenario["model"][];
  readonly hardware: readonly Scenario["hardware"][];
}

interface Recorded extends Parts {
  readonly cases: readonly { readonly scenario: ScenarioOfParts; readonly result: Json }[];
}

/** `model` and `hardware` are places in the lists of parts. */
type ScenarioOfParts = Omit<Scenario, "model" | "hardware"> & {
  readonly model: number;
  readonly hardware: number;
};

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    output: { type: "string", short: "o" },
    against: { type: "string" },
    tolerance: { type: "string", default: "0" },
  },
});

const everyScenario = fc.oneof(
  { weight: 6, arbitrary: shippedScenario },
  { weight: 2, arbitrary: anyScenario },
  { weight: 1, arbitrary: tinyScenario },
  { weight: 1, arbitrary: narrowScenario },
);

/** A result as JSON, without its scenario. */
function answer(scenario: Scenario): Json {
  const { scenario: _, ...rest } = simulate(scenario);
  return JSON.parse(JSON.stringify(rest)) as Json;
}

function record(runs: number, seed: number): Recorded {
  const models: Scenario["model"][] = [];
  const devices: Scenario["hardware"][] = [];
  const placeIn = <T>(list: T[], item: T): number => {
    const known = list.indexOf(item);
    return known === -1 ? list.push(item) - 1 : known;
  };
  const cases = fc.sample(everyScenario, { numRuns: runs, seed }).map((scenario) => ({
    scenario: {
      ...scenario,
      model: placeIn(models, scenario.model),
      hardware: placeIn(devices, scenario.hardware),
    },
    result: answer(scenario),
  }));
  return { models, hardware: devices, cases };
}

/** How far two numbers are apart, as a share of the larger; everything else is the same or infinitely far away. */
function distance(before: Json, after: Json | undefined): number {
  if (before === after) return 0;
  if (typeof before !== "number" || typeof after !== "number") return Number.POSITIVE_INFINITY;
  return Math.abs(before - after) / Math.max(Math.abs(before), Math.abs(after));
}

/** Every leaf of `before` with its path and its distance from what is there now. */
function* distances(before: Json, after: Json | undefined, path: string): Generator<[string, number]> {
  if (before === null || typeof before !== "object") {
    yield [path, distance(before, after)];
    return;
  }
  if (Array.isArray(before) && before.length !== (after as readonly Json[] | undefined)?.length)
    yield [`${path}.length`, Number.POSITIVE_INFINITY];
  for (const [name, child] of Object.entries(before) as [string, Json][])
    yield* distances(
      child,
      (after as Readonly<Record<string, Json>> | null | undefined)?.[name],
      Array.isArray(before) ? `${path}[]` : `${path}.${name}`,
    );
}

interface Worst {
  readonly distance: number;
  readonly case: number;
  cases: number;
}

/** Fields whose values moved, each with the largest difference and the case that shows it. */
function compare(recorded: Recorded, tolerance: number): ReadonlyMap<string, Worst> {
  const moved = new Map<string, Worst>();
  recorded.cases.forEach(({ scenario, result }, index) => {
    const whole: Scenario = {
      ...scenario,
      model: recorded.models[scenario.model]!,
      hardware: recorded.hardware[scenario.hardware]!,
    };
    for (const [path, far] of distances(result, answer(whole), "")) {
      if (far <= tolerance) continue;
      const known = moved.get(path);
      const cases = (known?.cases ?? 0) + 1;
      moved.set(
        path,
        known !== undefined && known.distance >= far
          ? { ...known, cases }
          : { distance: far, case: index, cases },
      );
    }
  });
  return moved;
}

if (values.against === undefined) {
  if (values.output === undefined)
    throw new Error("expected -o file to record, or --against file to compare");
  const { runs, seed } = runsAndSeed(values);
  writeFileSync(values.output, JSON.stringify(record(runs, seed)));
  console.log(`${runs} results recorded in ${values.output}`);
} else {
  const tolerance = Number(values.tolerance);
  if (!(tolerance >= 0)) throw new Error("--tolerance: expected a number of at least 0");
  const recorded = JSON.parse(readFileSync(values.against, "utf8")) as Recorded;
  const moved = compare(recorded, tolerance);
  for (const [path, worst] of moved)
    console.log(
      `${path}: ${worst.cases} values moved, by ${worst.distance.toPrecision(3)} at most (case ${worst.case})`,
    );
  console.log(`${recorded.cases.length} results compared, ${moved.size} fields moved`);
  process.exitCode = moved.size === 0 ? 0 : 1;
}
