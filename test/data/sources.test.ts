import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { Hardware } from "../../src/schema/hardware.ts";
import { parametersOf } from "../../src/schema/parameters.ts";
import { CALIBRATED as HOW } from "../../tools/measured-files.ts";
import { hardware, model } from "../support/scenarios.ts";

const namesIn = (folder: string): string[] => readdirSync(folder).map((file) => file.replace(/\.json$/, ""));

const PROFILES = namesIn("hardware-profiles").map((name): [string, Hardware] => [name, hardware(name)]);
const CALIBRATED = PROFILES.filter(([, { calibration }]) => calibration !== undefined);
const MODELS = namesIn("models");

/** Every file of measurements that a text names. */
const filesIn = (text: string): string[] => text.match(/measurements\/[\w./-]+\.\w+/g) ?? [];

/** Where others published: a repository, a paper, a conference. */
const PUBLICATION = /[\w-]+\/[\w-]+|arXiv|et al\./;

describe("a calibrated parameter", () => {
  test.each(CALIBRATED)(
    "of %s that was measured names the file, its rows, and how far the fit is off",
    (_, profile) => {
      const measured = parametersOf(profile.calibration!).filter(([, { origin }]) => origin === "measured");
      for (const [path, { source }] of measured)
        expect(source, path).toMatch(
          /^measurements\/\S+\.jsonl.* \([\w ,]+: \d+ rows?, median error [\d.]+%\)$/,
        );
    },
  );

  test.each(CALIBRATED)("of %s that was published names who published it", (_, profile) => {
    const published = parametersOf(profile.calibration!).filter(([, { origin }]) => origin === "published");
    for (const [path, { source }] of published) expect(source, path).toMatch(PUBLICATION);
  });

  test.each(CALIBRATED)(
    "of %s that was transferred leads to a profile that says more of it",
    (_, profile) => {
      for (const [path, { origin, source }] of parametersOf(profile.calibration!)) {
        if (origin !== "transferred") continue;
        const from = CALIBRATED.find(([, { name }]) => source.startsWith(`from ${name}: `))?.[1];
        expect(from?.name, path).not.toBe(profile.name);
        expect(endOf(path, from), path).toMatch(/^(measured|published|assumed)$/);
      }
    },
  );

  /** The origin at the end of all transfers. */
  function endOf(path: string, profile: Hardware | undefined): string | undefined {
    if (profile?.calibration === undefined) return undefined;
    const { origin, source } = new Map(parametersOf(profile.calibration)).get(path)!;
    if (origin !== "transferred") return origin;
    return endOf(path, CALIBRATED.find(([, { name }]) => source.startsWith(`from ${name}: `))?.[1]);
  }
});

describe("a file that a profile names", () => {
  test.each(PROFILES)("by %s is shipped and holds rows", (_, profile) => {
    for (const file of new Set(filesIn(JSON.stringify(profile))))
      expect(readFileSync(file, "utf8").split("\n").length, file).toBeGreaterThan(2);
  });

  test("is named by every profile that is fitted on rows", () => {
    const naming = PROFILES.filter(([, { calibration }]) =>
      parametersOf(calibration!).some(
        ([, { origin, source }]) => origin !== "assumed" && filesIn(source).length > 0,
      ),
    );
    const fitted = Object.entries(HOW).filter(([, { fitted: files = [] }]) => files.length > 0);
    expect(naming.map(([name]) => name)).toEqual(fitted.map(([name]) => name).sort());
  });
});

test.each(MODELS)("the sizes of %s are from a config.json, a paper, or both", (name) => {
  expect(model(name).source).toMatch(/\w+\/[\w.-]+ on Hugging Face|arXiv \d{4}\.\d{5}/);
});
