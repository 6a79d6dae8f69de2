import { readdirSync, readFileSync } from "node:fs";
import { defineConfig, type Rolldown } from "tsdown";
import { FOLDERS, KINDS } from "./src/io/shipped.ts";
import { fingerprint } from "./src/io/trusted.ts";
import { validate } from "./src/io/validate.ts";
import { thirdParty } from "./tools/third-party.ts";

/**
 * Fingerprints of the shipped files that are valid and that validation gives back as they are (no default left to
 * fill in): what the program may use without loading zod.
 */
function validatedFiles(): Record<string, string> {
  const found: Record<string, string> = {};
  for (const kind of KINDS) {
    for (const file of readdirSync(FOLDERS[kind]).filter((name) => name.endsWith(".json"))) {
      const name = `${FOLDERS[kind]}/${file}`;
      const text = readFileSync(name, "utf8");
      const data = JSON.parse(text) as object;
      const { value, problems } = validate(kind, data);
      if (problems !== undefined) throw new Error(`${name}: ${problems.join("; ")}`);
      if (JSON.stringify(value) === JSON.stringify(data)) found[name] = fingerprint(text);
      else
        console.warn(
          `${name}: keys in another order than the schema's, or defaults left out: slower to start`,
        );
    }
  }
  return found;
}

/** Built-ins and what all other files share. */
const BASE = /builtin:|src\/(errors|help|io\/terminal|streams|version|visible)/;

/** What every run needs, together in one file; --help, validation and tables have theirs. */
const ENGINE =
  /commander|src\/(engine|ask|study\/(answers|answers-for|condition|fail-if|result-field)\.|program|output|io\/(document|files|hub-cache|json|load|notes|shipped|trusted)\.|schema\/(vocabulary|resolve|rules|scenario-rules|peaks)|hugging-face\/is-config|commands\/run|report\/text\/(json|run|formats)\.|nearest|units)/;

/**
 * `import "node:fs"` builds an ES module around the built-in and so touches its every export, streams included:
 * 3 ms of the 12 that `--help` may take. Asked for this way it comes as it is. commander also loads child_process, for
 * subcommands that are programs of their own; there are none here.
 */
const PREFIX = "\0builtin:";
const leanBuiltins = {
  name: "lean-builtins",
  resolveId: {
    filter: { id: /^node:(?!module$)/ },
    handler: (id: string) => PREFIX + id,
  },
  load: {
    filter: { id: /^\0builtin:/ },
    handler: (id: string) => {
      const name = id.slice(PREFIX.length);
      return name === "node:child_process"
        ? "module.exports = {};"
        : `module.exports = process.getBuiltinModule("${name}");`;
    },
  },
};

/** The package is ESM; in dist/ a `.js` is CommonJS, and the library is an `.mjs`. */
const commonJs = {
  name: "common-js",
  generateBundle(this: Rolldown.PluginContext) {
    this.emitFile({ type: "asset", fileName: "package.json", source: '{ "type": "commonjs" }\n' });
  },
};

/** What others wrote and we ship. */
const licences = thirdParty();

const shared = { platform: "node", target: "node20", hash: false } as const;

export default defineConfig([
  {
    // what `report` puts into its page: the engine and the page's own code, for any browser
    entry: { page: "src/browser/main.ts" },
    format: "iife",
    platform: "browser",
    target: "es2022",
    hash: false,
    dts: false,
    clean: false,
    deps: { alwaysBundle: [/.*/], onlyBundle: false },
    minify: true,
    plugins: [licences],
  },
  {
    ...shared,
    entry: { cli: "src/cli.ts", "sweep-worker": "src/sweep-worker.ts" },
    // loaded in one go, without the ES module loader's start: 5 ms of 70
    format: "cjs",
    outExtensions: () => ({ js: ".js" }),
    dts: false,
    // everything inside: few files to open at start
    deps: { alwaysBundle: [/.*/], onlyBundle: false },
    minify: true,
    plugins: [leanBuiltins, commonJs, licences],
    outputOptions: {
      codeSplitting: {
        groups: [
          { name: "base", test: BASE, priority: 2 },
          { name: "engine", test: ENGINE },
        ],
      },
    },
    define: { __VALIDATED_FILES__: JSON.stringify(validatedFiles()) },
  },
  {
    ...shared,
    entry: { index: "src/index.ts" },
    format: "esm",
    dts: true,
    clean: false,
    deps: { neverBundle: ["zod"] },
    plugins: [licences],
  },
]);
