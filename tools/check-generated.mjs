/**
 * Writes every generated file again and says which of them were not what they are now. Exits 1 where there are any; they
 * are fresh then.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const WRITERS = ["schemas", "calibrations", "charts"];
const WRITTEN = ["schemas", "hardware-profiles", "docs"];

/** Contents of all generated files, by path. */
const contents = () =>
  new Map(
    WRITTEN.flatMap((folder) => readdirSync(join(ROOT, folder)).map((name) => join(folder, name)))
      .filter((path) => statSync(join(ROOT, path)).isFile())
      .map((path) => [path, readFileSync(join(ROOT, path), "utf8")]),
  );

function write(script) {
  const { status, stdout, stderr } = spawnSync("npm", ["run", "--silent", script], {
    cwd: ROOT,
    encoding: "utf8",
  });
  if (status === 0) return;
  console.error(`npm run ${script} exited with ${status}:\n${stdout}${stderr}`);
  process.exit(1);
}

const before = contents();
for (const script of WRITERS) write(script);
const stale = [...contents()].filter(([path, text]) => before.get(path) !== text).map(([path]) => path);
for (const path of stale) console.error(`stale: ${path}`);
console.log(`${before.size} files looked at, ${stale.length} stale`);
if (stale.length > 0) process.exitCode = 1;
