import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const SOURCES = [
  "src",
  "models",
  "hardware-profiles",
  "scenarios",
  "stacks",
  "package.json",
  "package-lock.json",
  "tsdown.config.ts",
  "tools/third-party.ts",
];
/** Written last by the build's parts. */
const BUILT = ["dist/cli.js", "dist/index.mjs", "dist/page.iife.js"];
const LOCK = join(
  tmpdir(),
  `norm-roofline-build-${createHash("sha1").update(ROOT).digest("hex").slice(0, 12)}`,
);
const PATIENCE_MS = 300_000;

/** dist/ as these sources make it: test files run side by side, so the first one builds and the others wait. */
export function built(): void {
  const end = Date.now() + PATIENCE_MS;
  while (!locked()) {
    if (Date.now() > end) throw new Error(`another build holds ${LOCK}: remove it if there is none`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  }
  try {
    if (isFresh()) return;
    const { status, stderr } = spawnSync("npm", ["run", "build"], { cwd: ROOT, encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
  } finally {
    rmSync(LOCK, { recursive: true, force: true });
  }
}

function locked(): boolean {
  try {
    mkdirSync(LOCK);
    return true;
  } catch {
    return false;
  }
}

function isFresh(): boolean {
  if (!BUILT.every((path) => existsSync(join(ROOT, path)))) return false;
  const oldest = Math.min(...BUILT.map((path) => statSync(join(ROOT, path)).mtimeMs));
  return SOURCES.every((path) => newest(join(ROOT, path)) < oldest);
}

function newest(path: string): number {
  const own = statSync(path);
  if (!own.isDirectory()) return own.mtimeMs;
  return Math.max(own.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}
