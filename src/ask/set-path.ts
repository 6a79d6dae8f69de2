/** `--set workload.batch=8`: a path into the scenario and the value to put there. */
export interface Setting {
  readonly path: readonly string[];
  readonly value: unknown;
}

export type ParsedSetting =
  | { readonly setting: Setting; readonly problem?: never }
  | { readonly setting?: never; readonly problem: string };

/** As deep as JSON may be nested. */
const LONGEST_PATH = 64;

const FORBIDDEN = new Set(["__proto__", "constructor", "prototype"]);

/** The value is JSON where it can be read as JSON, else a text: `a.b=8`, `a.b=true`, `a.b=bf16`. */
export function parseSetting(text: string, parseJson: (text: string) => unknown): ParsedSetting {
  const equals = text.indexOf("=");
  if (equals < 1) return { problem: `expected path=value, got ${JSON.stringify(text)}` };
  const path = text.slice(0, equals).trim().split(".");
  const problem = pathProblem(path);
  if (problem !== undefined) return { problem };
  return { setting: { path, value: parseJson(text.slice(equals + 1)) } };
}

/** Why these keys lead nowhere in any scenario; undefined where they may. */
export function pathProblem(path: readonly string[]): string | undefined {
  if (path.length > LONGEST_PATH)
    return `expected a path of at most ${LONGEST_PATH} keys, got ${path.length}`;
  if (path.some((key) => key === "" || FORBIDDEN.has(key)))
    return `${JSON.stringify(path.join("."))} is not a path into a scenario`;
  return undefined;
}

/**
 * A copy of the tree with one value replaced; objects on the way are made where there are none. A list takes an index
 * up to its end; with any other key it is an object, so that whoever checks the tree sees it.
 */
export function setPath(tree: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (Array.isArray(tree) && /^\d+$/.test(key) && Number(key) <= tree.length) {
    const copy = [...(tree as unknown[])];
    copy[Number(key)] = setPath(copy[Number(key)], rest, value);
    return copy;
  }
  const object: object = typeof tree === "object" && tree !== null ? tree : {};
  const child: unknown = Object.hasOwn(object, key) ? object[key as keyof typeof object] : undefined;
  // a computed key defines an own property, also where it is called __proto__
  return { ...object, [key]: setPath(child, rest, value) };
}

/** The value at a dotted path, own properties only. */
export function getPath(tree: unknown, path: readonly string[]): unknown {
  let value = tree;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = value[key as keyof typeof value];
  }
  return value;
}
