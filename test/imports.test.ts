import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

const SRC = "src";

/** Each file of src with those that it imports, for types or lazily as well. */
const imports = new Map(
  readdirSync(SRC, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(SRC, name))
    .map((path): [string, string[]] => {
      const named = readFileSync(path, "utf8").matchAll(/\b(?:from|import)[ (]+"(\.[^"]+)"/g);
      return [path, [...named].map(([, to]) => join(dirname(path), to!))];
    }),
);

/** What is left when files that import none of the others, or are imported by none, are taken away again and again. */
function inCircles(files: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, readonly string[]> {
  const imported = new Set([...files.values()].flat());
  const left = new Map(
    [...files].filter(([path, to]) => imported.has(path) && to.some((one) => files.has(one))),
  );
  return left.size === files.size ? left : inCircles(left);
}

test("files of src import each other in one direction: there is no circle", () => {
  expect(imports.get(join(SRC, "cli.ts"))).toContain(join(SRC, "main.ts"));
  expect([...inCircles(imports).keys()]).toEqual([]);
});
