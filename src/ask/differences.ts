import type { Model } from "../schema/model.ts";

/** A field that two plain values do not share, and what it is afterwards. */
interface Difference {
  readonly path: string;
  /** undefined: it is gone */
  readonly value: unknown;
}

/** What says nothing of a model's shape. */
const ABOUT: readonly string[] = ["$schema", "name", "source"];

/** The fields in which two models differ. */
export const differences = (before: unknown, after: unknown): Difference[] =>
  fieldsThatDiffer(before, after, "").filter(({ path }) => !ABOUT.includes(path));

function fieldsThatDiffer(before: unknown, after: unknown, path: string): Difference[] {
  if (before === after) return [];
  if (!isObject(before) || !isObject(after)) return [{ path, value: after }];
  const keys = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return keys.flatMap((key) =>
    fieldsThatDiffer(before[key], after[key], path === "" ? key : `${path}.${key}`),
  );
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;

const MOST_NAMED = 6;

/**
 * What was changed about a model becomes part of its name, unless the change gives it one of its own:
 * `Llama 3 70B (with hidden 4096, heads 32, KV heads 4, FFN 14336)`.
 */
export function named(before: Model, after: Model): Model {
  if (!isObject(after) || after.name !== before.name) return after;
  const changes = differences(before, after).filter(isSaid).map(changeText);
  if (changes.length === 0) return after;
  const more = changes.length > MOST_NAMED ? [`${changes.length - MOST_NAMED} more`] : [];
  return { ...after, name: `${before.name} (with ${[...changes.slice(0, MOST_NAMED), ...more].join(", ")})` };
}

/** How many layers of each kind there are follows from how many there are. */
const isSaid = ({ path }: Difference, _: number, all: readonly Difference[]): boolean =>
  !/^layerKinds\.\d+\.layers$/.test(path) || all.every((other) => other.path !== "layers");

const TITLES: Readonly<Record<string, string>> = { kvHeads: "KV heads", ffn: "FFN" };

function changeText({ path, value }: Difference): string {
  const title = TITLES[path] ?? path;
  if (value === undefined) return `no ${title}`;
  return isObject(value) ? `another ${title}` : `${title} ${String(value)}`;
}
