import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** What the package ships, each kind in its folder, one JSON a name. */
export const FOLDERS = {
  model: "models",
  hardware: "hardware-profiles",
  scenario: "scenarios",
  stack: "stacks",
} as const;

export type Kind = keyof typeof FOLDERS;

export const KINDS = Object.keys(FOLDERS) as Kind[];

/** The word `norm-roofline list` takes for a kind. */
export const LIST_WORDS = {
  model: "models",
  hardware: "hardware",
  scenario: "scenarios",
  stack: "stacks",
} as const;

let root: string | undefined;

/** The package's own folder: the nearest one above this module that ships profiles, from src/ as from dist/. */
export function packageRoot(): string {
  if (root !== undefined) return root;
  let folder = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(folder, FOLDERS.hardware)) && dirname(folder) !== folder) folder = dirname(folder);
  root = folder;
  return root;
}

/** A name is one path segment: nothing outside the kind's folder can be named. */
const NAME = /^[\w][\w.-]*$/;

export function shippedPath(kind: Kind, name: string): string | undefined {
  if (!NAME.test(name)) return undefined;
  const path = join(packageRoot(), FOLDERS[kind], `${name}.json`);
  return existsSync(path) ? path : undefined;
}

export function shippedNames(kind: Kind): string[] {
  const folder = join(packageRoot(), FOLDERS[kind]);
  if (!existsSync(folder)) return [];
  const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
  return files
    .map((file) => file.slice(0, -".json".length))
    .filter((name) => NAME.test(name))
    .sort();
}

export const SCHEMA_NAMES = [
  "scenario",
  "model",
  "hardware",
  "result",
  "claims",
  "explanation",
  "sensitivity",
  "solution",
  "accuracy",
  "trace",
  "rows",
] as const;

export const shippedSchemaPath = (name: string): string =>
  join(packageRoot(), "schemas", `${name}.schema.json`);
