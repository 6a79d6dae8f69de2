import { readdirSync } from "node:fs";
import { join } from "node:path";
import { attempt, readText, whatIsAt } from "./files.ts";
import type { Environment } from "./terminal.ts";

/** The config.json of a model in the cache that Hugging Face's own tools fill, or where it was looked for. */
export type CachedConfig =
  | { readonly path: string; readonly commit: string; readonly problem?: never }
  | { readonly path?: never; readonly commit?: never; readonly problem: string };

const SEGMENT = String.raw`[A-Za-z0-9_][\w.-]{0,95}`;
const HUB_NAME = new RegExp(`^${SEGMENT}/${SEGMENT}$`);

/** `org/name`, as models are called on the hub: two segments, none of which leads upwards. */
export const isHubName = (reference: string): boolean =>
  HUB_NAME.test(reference) && !/\.jsonl?$/i.test(reference);

export function cachedConfig(name: string, environment: Environment): CachedConfig {
  const hub = hubFolder(environment);
  if (hub === undefined)
    return { problem: "no Hugging Face cache to look in: neither HF_HUB_CACHE, HF_HOME nor HOME is set" };
  const folder = join(hub, `models--${name.replace("/", "--")}`);
  const commit = commitIn(folder);
  const path = commit && join(folder, "snapshots", commit, "config.json");
  if (path === undefined || whatIsAt(path) === undefined)
    return { problem: `not in the local Hugging Face cache (looked in ${hub})` };
  return { path, commit: commit! };
}

/** Where huggingface_hub keeps its snapshots, the first of its variables that is set. */
function hubFolder(environment: Environment): string | undefined {
  const home = environment["HOME"] || environment["USERPROFILE"];
  const places: readonly (readonly [string | undefined, string])[] = [
    [environment["HF_HUB_CACHE"], ""],
    [environment["HUGGINGFACE_HUB_CACHE"], ""],
    [environment["HF_HOME"], "hub"],
    [environment["XDG_CACHE_HOME"], "huggingface/hub"],
    [home, ".cache/huggingface/hub"],
  ];
  const [root, below] = places.find(([variable]) => variable) ?? [];
  return root === undefined
    ? undefined
    : join(
        root.replace(/^~(?=\/|$)/, () => home ?? "~"),
        below!,
      );
}

/** The commit of the main branch; without a branch the only snapshot there is. */
function commitIn(folder: string): string | undefined {
  const main = join(folder, "refs", "main");
  const isNamed = whatIsAt(main) !== undefined;
  const named = isNamed ? readText(main).trim() : onlySnapshot(join(folder, "snapshots"));
  return named !== undefined && /^\w{1,64}$/.test(named) ? named : undefined;
}

function onlySnapshot(folder: string): string | undefined {
  if (whatIsAt(folder)?.isDirectory() !== true) return undefined;
  const [first, second] = attempt(folder, () => readdirSync(folder));
  return second === undefined ? first : undefined;
}
