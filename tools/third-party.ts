import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import type { Rolldown } from "tsdown";

/** A package that a part of the build has taken in. */
interface Bundled {
  readonly name: string;
  readonly version: string;
  /** as package.json has it: an SPDX identifier */
  readonly license: string;
  readonly text: string;
}

const HEAD =
  "Software of others that is bundled into the files beside this one, each with its version, its licence and the licence's text.";

/**
 * Writes dist/THIRD-PARTY.txt: every package of which a module is in a bundle. One plugin for all parts of a build;
 * whichever is written last has seen the modules of all.
 */
export function thirdParty(fileName = "THIRD-PARTY.txt") {
  const found = new Map<string, Bundled>();
  const note = (chunk: Rolldown.OutputChunk): Bundled[] =>
    Object.keys(chunk.modules).flatMap((id) => {
      const folder = packageFolder(id);
      if (folder === undefined) return [];
      const known = found.get(folder) ?? bundled(folder);
      found.set(folder, known);
      return known;
    });
  return {
    name: "third-party",
    generateBundle(outputOptions: Rolldown.NormalizedOutputOptions, bundle: Rolldown.OutputBundle): void {
      for (const part of Object.values(bundle))
        if (part.type === "chunk") {
          const inside = new Set(note(part));
          // a page goes around without the package, and its script with it
          if (outputOptions.format === "iife") part.code = `${comment(listText([...inside]))}${part.code}`;
        }
    },
    writeBundle({ dir }: Rolldown.NormalizedOutputOptions): void {
      writeFileSync(join(dir!, fileName), listText([...found.values()]));
    },
  };
}

const MODULES = `${sep}node_modules${sep}`;

/** The folder of the package that a module is of; undefined for the project's own and for Node's. */
function packageFolder(id: string): string | undefined {
  if (id.startsWith("\0builtin:")) return undefined;
  if (id.startsWith("\0rolldown/")) return bundlerFolder();
  if (id.startsWith("\0")) throw new Error(`whose is the module ${JSON.stringify(id)}, under which licence?`);
  const at = id.lastIndexOf(MODULES);
  if (at < 0) return undefined;
  const [first = "", second = ""] = id.slice(at + MODULES.length).split(sep);
  return id.slice(0, at + MODULES.length) + (first.startsWith("@") ? join(first, second) : first);
}

/** What joins modules into one file is the bundler's own. */
function bundlerFolder(): string {
  const tsdown = createRequire(import.meta.url).resolve("tsdown");
  const rolldown = createRequire(tsdown).resolve("rolldown");
  return packageFolder(rolldown) ?? dirname(rolldown);
}

function bundled(folder: string): Bundled {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
  const file = readdirSync(folder).find((one) => /^(licen[cs]e|copying)([.-].*)?$/i.test(one));
  if (typeof license !== "string" || file === undefined)
    throw new Error(`${name} ${version} is bundled, but its licence is not in ${folder}`);
  return { name, version, license, text: readFileSync(join(folder, file), "utf8").trim() };
}

/** Legal comments stay where code is made smaller; nothing in one may end it, or the script that it is in. */
const comment = (text: string): string => `/*!\n${text.replaceAll("*/", "* /").replaceAll("</", "< /")}*/\n`;

const RULE = "-".repeat(80);

function listText(all: readonly Bundled[]): string {
  const sorted = [...all].sort((a, b) => (`${a.name} ${a.version}` < `${b.name} ${b.version}` ? -1 : 1));
  const parts = sorted.map(
    ({ name, version, license, text }) =>
      `${RULE}\n${name} ${version} (${license})\n\n${text.replaceAll(/\r\n?/g, "\n")}\n`,
  );
  return `${[HEAD, ...parts].join("\n")}`;
}
