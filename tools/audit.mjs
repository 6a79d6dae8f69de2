/**
 * Known vulnerabilities of what users get: the dependencies of the package, and what is bundled into dist/. Exits with 1
 * where there is one, or where nothing can be said; a registry without advisories is said so, and no failure.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

const LIST = new URL("../dist/THIRD-PARTY.txt", import.meta.url);

/** What a registry answers that has no advisories. */
const NO_ADVISORIES = [404, 405, 501];

process.exitCode = audit();

function audit() {
  const shipped = ask(["audit", "--omit=dev", "--json"]);
  if (shipped.exit !== undefined) return shipped.exit;
  const all = ask(["audit", "--json"]);
  if (all.exit !== undefined) return all.exit;
  const bundled = bundledNames();
  if (bundled === undefined) console.log("what is bundled is not audited: npm run build lists it");
  const inBundle = Object.keys(all.vulnerabilities).filter((name) => bundled?.includes(name));
  const found = [...new Set([...Object.keys(shipped.vulnerabilities), ...inBundle])].sort();
  for (const name of found) {
    const { severity, range } = shipped.vulnerabilities[name] ?? all.vulnerabilities[name];
    console.error(`vulnerable: ${name} ${range} (${severity})`);
  }
  if (found.length === 0)
    console.log(`no known vulnerability: dependencies, and ${bundled?.length ?? 0} bundled packages`);
  return found.length === 0 ? 0 : 1;
}

/** npm's report, or how to exit without one. */
function ask(argv) {
  const { stdout, error } = spawnSync("npm", argv, { encoding: "utf8", maxBuffer: 1e8 });
  const report = parsed(stdout ?? "");
  if (report?.vulnerabilities !== undefined) return { vulnerabilities: report.vulnerabilities };
  const why = report?.message ?? error?.message ?? "npm audit gave no report";
  if (NO_ADVISORIES.includes(report?.statusCode)) {
    console.log(`not audited: ${why}`);
    return { exit: 0 };
  }
  console.error(`cannot audit: ${why}`);
  return { exit: 1 };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Names as the build lists them: `name version (licence)` below each rule. */
function bundledNames() {
  if (!existsSync(LIST)) return undefined;
  return [...readFileSync(LIST, "utf8").matchAll(/^-{80}\n(\S+) \S+ \(/gm)].map(([, name]) => name);
}
