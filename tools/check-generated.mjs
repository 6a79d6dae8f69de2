/**
 * Writes every generated file again and says which of them were not what they are now. Exits 1 where there are any; they
 * are fresh then. Of the profiles some stand for all, one for each way in which they come about: all take four minutes,
 * `npm run calibrations`.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const WRITERS = [
  "npm run --silent schemas",
  "npx tsx tools/write-calibrations.ts h200-sxm h100-sxm v100-sxm2-32gb h800",
  "npx biome check --write hardware-profiles",
  "npm run --silent charts",
];
const WRITTEN = ["schemas", "hardware-profiles", "docs"];

/** Contents of all generated files, by path. */
const contents = () =>
  new Map(
    WRITTEN.flatMap((folder) => readdirSync(join(ROOT, folder)).map((name) => join(folder, name)))
      .filter((path) => statSync(join(ROOT, path)).isFile())
      .map((path) => [path, readFileSync(join(ROOT, path), "utf8")]),
  );

function write(command) {
  const { status, stdout, stderr } = spawnSync(command, { cwd: ROOT, encoding: "utf8", shell: true });
  if (status === 0) return;
  console.error(`${command} exited with ${status}:\n${stdout}${stderr}`);
  process.exit(1);
}

const before = contents();
for (const script of WRITERS) write(script);
const stale = [...contents()].filter(([path, text]) => before.get(path) !== text).map(([path]) => path);
for (const path of stale) console.error(`stale: ${path}`);
console.log(`${before.size} files looked at, ${stale.length} stale`);
if (stale.length > 0) process.exitCode = 1;
