import { spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { built } from "../support/build.ts";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly scripts: Readonly<Record<string, string>>;
}

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly os?: readonly string[];
}

const read = <T>(path: string): T => JSON.parse(readFileSync(path, "utf8")) as T;
const manifest = read<Manifest>("package.json");
const { packages } = read<{ packages: Readonly<Record<string, Locked>> }>("package-lock.json");
const installed = (name: string): Manifest => read<Manifest>(`node_modules/${name}/package.json`);

describe("the lock file", () => {
  const others = Object.entries(packages).filter(([path]) => path !== "");

  test("pins every package by the digest of its content, but for tools of other machines than it was written on", () => {
    expect(others.length).toBeGreaterThan(100);
    for (const [path, { version, integrity, link, ...rest }] of others) {
      const isElsewhere = rest.dev && rest.optional && rest.os !== undefined && !existsSync(path);
      if (integrity !== undefined || !isElsewhere)
        expect(integrity, path).toMatch(/^sha512-[A-Za-z0-9+/]{86}==$/);
      expect(version, path).toMatch(/^\d+\.\d+\.\d+/);
      expect(link, path).toBeUndefined();
    }
  });

  test("resolves nothing from anywhere but npm's registry", () => {
    // where it says nothing, npm takes the registry that is configured, and the digest holds
    for (const [path, { resolved }] of others)
      if (resolved !== undefined) expect(resolved, path).toMatch(/^https:\/\/registry\.npmjs\.org\//);
    const ranges = { ...manifest.dependencies, ...manifest.devDependencies };
    for (const [name, range] of Object.entries(ranges)) expect(range, name).toMatch(/^[\^~]?\d+\.\d+\.\d+$/);
  });

  test("has zod and nothing else for those who install the package", () => {
    expect(Object.keys(manifest.dependencies ?? {})).toEqual(["zod"]);
    const shipped = others.filter(([, { dev }]) => dev !== true).map(([path]) => path);
    expect(shipped).toEqual(["node_modules/zod"]);
  });

  test("what is bundled or shipped has an exact version", () => {
    const direct = imported().filter((name) => !name.startsWith("d3-"));
    for (const name of direct)
      expect({ ...manifest.dependencies, ...manifest.devDependencies }[name], name).toMatch(/^\d/);
  });

  test("the package runs nothing of its own when it is installed from the registry", () => {
    for (const name of ["preinstall", "install", "postinstall"])
      expect(manifest.scripts).not.toHaveProperty(name);
  });
});

/** Packages that the source imports. */
/** `csv-parse` of `csv-parse/sync`. */
const packageOf = (name: string): string =>
  name.startsWith("@") ? name.split("/").slice(0, 2).join("/") : name.split("/")[0]!;

function imported(): string[] {
  const files = readdirSync("src", { recursive: true, encoding: "utf8" }).filter((path) =>
    path.endsWith(".ts"),
  );
  const names = files.flatMap((path) =>
    [
      ...readFileSync(join("src", path), "utf8").matchAll(
        /^(?:import|export|\}) [^\n"]*from "([^".][^"]*)";$|\bimport\("([^".][^"]*)"\)/gm,
      ),
    ].map(([, name, lazy]) => packageOf(name ?? lazy!)),
  );
  return [...new Set(names.filter((name) => !name.startsWith("node:")))].sort();
}

describe("dist/THIRD-PARTY.txt", () => {
  beforeAll(built);

  const RULE = "-".repeat(80);
  const listed = () => {
    const [, ...parts] = readFileSync("dist/THIRD-PARTY.txt", "utf8").split(`${RULE}\n`);
    return parts.map((part) => {
      const [, name, version, license, text] = /^(\S+) (\S+) \(([^)]*)\)\n\n([\s\S]*)$/.exec(part) ?? [];
      return { name: name!, version: version!, license: license!, text: text! };
    });
  };

  /** A package, and all that it may load. */
  function closure(name: string, seen = new Set<string>()): Set<string> {
    if (seen.has(name) || !existsSync(`node_modules/${name}`)) return seen;
    seen.add(name);
    const { dependencies, optionalDependencies } = installed(name) as Manifest & {
      optionalDependencies?: Readonly<Record<string, string>>;
    };
    for (const next of Object.keys({ ...dependencies, ...optionalDependencies })) closure(next, seen);
    return seen;
  }

  test("lists every package that the source imports, and what those load, each once", () => {
    const names = listed().map(({ name }) => name);
    expect(names).toEqual([...new Set(names)].sort());
    for (const name of imported()) expect(names).toContain(name);
    const possible = new Set(imported().flatMap((name) => [...closure(name)]));
    expect(names.filter((name) => !possible.has(name))).toEqual(["rolldown"]);
    // of these no line is in a bundle
    expect([...possible].filter((name) => !names.includes(name)).sort()).toEqual([
      "d3-time",
      "d3-time-format",
      "internmap",
      "ml-array-max",
      "ml-array-min",
      "ml-array-rescale",
    ]);
  });

  test("says each package's version and licence as the package does, with the whole text", () => {
    for (const { name, version, license, text } of listed()) {
      if (name !== "rolldown") {
        expect([version, license], name).toEqual([installed(name).version, installed(name).license]);
        expect(packages[`node_modules/${name}`]?.version).toBe(version);
      }
      expect(text.length, name).toBeGreaterThan(500);
      expect(text, name).toMatch(/copyright/i);
      expect(text, name).toMatch(/permission [\s\S]*is hereby granted|redistribution and use/i);
    }
  });

  test("holds only licences that let anybody use, change and pass on what they cover", () => {
    for (const { name, license } of listed())
      expect(license, name).toMatch(/^(MIT|ISC|0BSD|BSD-[23]-Clause|Apache-2\.0)$/);
    expect(manifest.license).toBe("MIT");
  });
});

describe.skipIf(process.platform === "win32")("npm run audit", () => {
  const folder = mkdtempSync(join(tmpdir(), "norm-roofline-audit-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  beforeAll(built);

  /** With an npm that answers so, first without and then with the tools of development. */
  function audited(shipped: string, all = shipped) {
    const npm = join(folder, "npm");
    writeFileSync(join(folder, "shipped"), shipped);
    writeFileSync(join(folder, "all"), all);
    writeFileSync(
      npm,
      `#!/bin/sh\ncase "$*" in *omit=dev*) cat '${folder}/shipped';; *) cat '${folder}/all';; esac\nexit 1\n`,
    );
    chmodSync(npm, 0o755);
    const { status, stdout, stderr } = spawnSync(process.execPath, ["tools/audit.mjs"], {
      encoding: "utf8",
      env: { ...process.env, PATH: `${folder}${delimiter}${process.env["PATH"]}` },
    });
    return { status, stdout, stderr };
  }
  const report = (...names: string[]): string =>
    JSON.stringify({
      vulnerabilities: Object.fromEntries(
        names.map((name) => [name, { name, severity: "low", range: "<9" }]),
      ),
    });

  test("fails on any vulnerability of what is shipped, however low", () => {
    const { status, stderr } = audited(report("zod"));
    expect(stderr).toBe("vulnerable: zod <9 (low)\n");
    expect(status).toBe(1);
  });

  test("fails on one of what is bundled", () => {
    const { status, stderr } = audited(report(), report("d3-color", "some-tool"));
    expect(stderr).toBe("vulnerable: d3-color <9 (low)\n");
    expect(status).toBe(1);
  });

  test("passes where there is none but in tools", () => {
    const { status, stdout, stderr } = audited(report(), report("some-tool"));
    expect(stdout).toMatch(/^no known vulnerability: dependencies, and \d\d bundled packages\n$/);
    expect([status, stderr]).toEqual([0, ""]);
  });

  test("says so where the registry has no advisories", () => {
    const { status, stdout } = audited('{"message":"405 Method Not Allowed - POST","statusCode":405}');
    expect(stdout).toBe("not audited: 405 Method Not Allowed - POST\n");
    expect(status).toBe(0);
  });

  test.each(["", "not JSON", "{}", "null", '{"message":"ENOTFOUND"}', '{"statusCode":500,"message":"x"}'])(
    "fails where it cannot tell: %j",
    (answer) => {
      const { status, stderr } = audited(answer);
      expect(stderr).toMatch(/^cannot audit: /);
      expect(status).toBe(1);
    },
  );
});
