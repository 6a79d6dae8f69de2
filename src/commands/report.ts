import type { WhatIfOptions } from "../ask/command-line/given.ts";
import { DEFAULT_SCENARIO, loadPoint } from "../ask/command-line/load-spaces.ts";
import type { Space } from "../ask/space.ts";
import { openingModel, slowAnswers } from "../browser/evaluate.ts";
import { EXIT } from "../errors.ts";
import { readDocument } from "../io/document.ts";
import { readOrThrow } from "../io/load.ts";
import { contentDigest, readPageScript } from "../io/page.ts";
import { FOLDERS, shippedNames } from "../io/shipped.ts";
import { type Io, say } from "../io/terminal.ts";
import { type OutputOptions, output } from "../output.ts";
import { nameIn } from "../report/page/command.ts";
import type { PageData, PageScenario } from "../report/page/data.ts";
import { pageDocument } from "../report/page/document.ts";
import { PAGE_FORMATS } from "../report/text/formats.ts";
import type { Hardware } from "../schema/hardware.ts";
import type { Model } from "../schema/model.ts";
import { replaceParameters } from "../schema/parameters.ts";
import { overFile } from "../schema/stack-choices.ts";
import { VERSION } from "../version.ts";

/** `report`: one HTML file with the engine inside. */
export async function report(
  references: readonly string[],
  options: OutputOptions & WhatIfOptions,
  io: Io,
): Promise<number> {
  const { targets, write } = output(options, io, PAGE_FORMATS);
  const asked = references.length === 0 ? [DEFAULT_SCENARIO] : references;
  const spaces: Space[] = [];
  for (const reference of asked)
    spaces.push(await loadPoint(reference, options, "the page's controls take it from there", io));
  const code = readPageScript();
  const page = pageDocument(openingModel(await pageData(asked, spaces)), { code, digest: contentDigest });
  await write(() => page);
  const [first] = targets;
  if (targets.length === 1 && first?.path !== undefined) say(io, `wrote ${first.path}: open it in a browser`);
  return EXIT.ok;
}

/** The scenarios, and every model and device that the page's controls offer. */
async function pageData(references: readonly string[], spaces: readonly Space[]): Promise<PageData> {
  const models: Record<string, Model> = await shipped("model");
  const devices = Object.fromEntries(
    Object.entries(await shipped("hardware")).map(([name, device]) => [name, withoutSources(device)]),
  );
  for (const space of spaces) {
    for (const [name, model] of Object.entries(space.models)) models[name] ??= model;
    for (const [name, device] of Object.entries(space.devices)) devices[name] ??= device;
  }
  const scenarios = spaces.map((space, index) => pageScenario(references[index]!, space, models, devices));
  const data = { version: VERSION, scenarios, models, devices, opening: { claims: [], reaches: [] } };
  return { ...data, opening: slowAnswers(data, { scenario: 0, point: scenarios[0]!.point }) };
}

/** What the page never shows: where each parameter of a device comes from stands in its profile. */
function withoutSources(hardware: Hardware): Hardware {
  const { calibration, ...device } = hardware;
  if (calibration === undefined) return hardware;
  const lean = replaceParameters(calibration, (_, parameter) => ({ ...parameter, source: "" }));
  return { ...device, sources: [], calibration: lean };
}

type Shipped = { model: Model; hardware: Hardware };

async function shipped<K extends keyof Shipped>(kind: K): Promise<Record<string, Shipped[K]>> {
  const found: Record<string, Shipped[K]> = {};
  for (const name of shippedNames(kind)) {
    const { value } = await readOrThrow(kind, readDocument(kind, name, FOLDERS[kind]));
    found[name] = value as Shipped[K];
  }
  return found;
}

function pageScenario(
  reference: string,
  { file: named, own, fixed, settings, stacks }: Space,
  models: Readonly<Record<string, Model>>,
  devices: Readonly<Record<string, Hardware>>,
): PageScenario {
  // the page takes a stack along as what it says about kernels
  const { stack, ...point } = fixed;
  const file = stack === undefined ? named : overFile(named, stacks![stack]!);
  return {
    reference,
    file: {
      ...file,
      model: nameIn(models, file.model) ?? file.model,
      hardware: nameIn(devices, file.hardware) ?? file.hardware,
    },
    own: nameIn(models, own) ?? own,
    point,
    settings,
  };
}
