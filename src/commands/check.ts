import { EXIT, UserError } from "../errors.ts";
import { isConfig } from "../hugging-face/is-config.ts";
import { type Document, readDocuments } from "../io/document.ts";
import { library, loadScenario, read } from "../io/load.ts";
import type { Io } from "../io/terminal.ts";
import type { SchemaKind } from "../io/validate.ts";
import { resolveScenario } from "../schema/resolve.ts";
import { visible } from "../visible.ts";
import { noteImport } from "./note-import.ts";

/** Fields that only one kind of file has. */
const MARKS: Record<SchemaKind, readonly string[]> = {
  result: ["schemaVersion", "operators"],
  scenario: ["workload", "hardware", "model"],
  hardware: ["peakFlopsPerSecond", "hbmBytesPerSecond"],
  model: ["hidden", "heads", "ffn"],
};

/** `check`: says what each file is, or everything that is wrong with all of them. */
export async function check(files: readonly string[], io: Io): Promise<number> {
  const lines: string[] = [];
  const problems: string[] = [];
  for (const file of files) {
    try {
      for (const document of await readDocuments("model", pathOf(file), io))
        lines.push(`ok  ${await checkDocument(document, io)}  ${visible(document.label)}`);
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      problems.push(error.message, ...error.problems.map((problem) => `  ${problem}`));
    }
  }
  if (problems.length > 0) throw new UserError("not all files are valid", problems);
  io.stdout(`${lines.join("\n")}\n`);
  return EXIT.ok;
}

/** Names of shipped files are not what `check` is asked about: what it takes are paths. */
const pathOf = (file: string): string => (file === "-" || /[\\/]/.test(file) ? file : `./${file}`);

async function checkDocument(document: Document, io: Io): Promise<SchemaKind> {
  const kind = kindOf(document.data);
  if (kind === undefined)
    throw new UserError(`${document.label} is no scenario, model, hardware profile or result`);
  if (kind === "scenario") await checkScenario(document, io);
  else {
    const loaded = await read(kind, document);
    if (loaded.problems !== undefined) throw new UserError(`${document.label} is not valid`, loaded.problems);
    noteImport(loaded, io);
  }
  return kind;
}

async function checkScenario(document: Document, io: Io): Promise<void> {
  const { file, notes } = await loadScenario(document, {}, library(io));
  const { problems } = resolveScenario(file, file.model, file.hardware);
  if (problems !== undefined) throw new UserError(`${document.label} cannot be simulated`, problems);
  noteImport({ notes }, io);
}

/** The kind whose marks a value has most of. */
export function kindOf(data: unknown): SchemaKind | undefined {
  if (typeof data !== "object" || data === null || Array.isArray(data)) return undefined;
  if (isConfig(data)) return "model";
  let best: SchemaKind | undefined;
  let most = 0;
  for (const [kind, marks] of Object.entries(MARKS) as [SchemaKind, readonly string[]][]) {
    const found = marks.filter((mark) => Object.hasOwn(data, mark)).length / marks.length;
    if (found > most) [best, most] = [kind, found];
  }
  return best;
}
