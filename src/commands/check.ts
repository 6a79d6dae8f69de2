import { EXIT, UserError } from "../errors.ts";
import { isConfig } from "../hugging-face/is-config.ts";
import { type Document, readDocuments } from "../io/document.ts";
import { kindOf } from "../io/kind-of.ts";
import { library, loadScenario, read } from "../io/load.ts";
import { noteImport } from "../io/notes.ts";
import type { Io } from "../io/terminal.ts";
import { resolveScenario } from "../schema/resolve.ts";
import { visible } from "../visible.ts";

/** Answers of this program by the fields that only they have. */
const OTHER_MARKS = {
  claims: ["claims"],
  explanation: ["operators", "totals"],
  sensitivity: ["effects", "band"],
  solution: ["crossings"],
  accuracy: ["kernels", "differences"],
  trace: ["trace", "norms"],
} as const;

type OtherKind = keyof typeof OTHER_MARKS | "measurement" | "rows";

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

async function checkDocument(document: Document, io: Io): Promise<string> {
  if (Array.isArray(document.data)) return checkList(document, document.data, io);
  const other = otherKindOf(document.data);
  if (other !== undefined) return checkOther(document, other);
  const kind = kindOf(document.data);
  if (kind === undefined)
    throw new UserError(`${document.label} is no scenario, model, hardware profile, measurement or answer`);
  if (kind === "scenario") await checkScenario(document, io);
  else {
    const loaded = await read(kind, document);
    if (loaded.problems !== undefined) throw new UserError(`${document.label} is not valid`, loaded.problems);
    noteImport(loaded, io);
  }
  return kind;
}

/** `run --json` of several scenarios prints a list of results, `sweep --json` one of rows. */
async function checkList(document: Document, items: readonly unknown[], io: Io): Promise<string> {
  const kinds = new Set<string>();
  for (const [index, data] of items.entries())
    kinds.add(await checkDocument({ ...document, data, label: `${document.label}, item ${index + 1}` }, io));
  return `list of ${items.length}: ${[...kinds].join(", ") || "nothing"}`;
}

function otherKindOf(data: unknown): OtherKind | undefined {
  if (typeof data !== "object" || data === null || isConfig(data)) return undefined;
  const has = (mark: string): boolean => Object.hasOwn(data, mark);
  const found = Object.entries(OTHER_MARKS).find(([, marks]) => marks.every(has));
  if (found !== undefined) return found[0] as OtherKind;
  // what list prints has a kind as well, and a name
  if (has("kind") && !has("name")) return "measurement";
  return has("schemaVersion") && kindOf(data) === "result" && !has("operators") ? "rows" : undefined;
}

async function checkOther({ data, label }: Document, kind: OtherKind): Promise<OtherKind> {
  const { TITLED_SCHEMAS } = await import("../schema/json-schema.ts");
  const { MeasurementSchema } = await import("../schema/measurement.ts");
  const { problemLines } = await import("../io/problems.ts");
  const schema = kind === "measurement" ? MeasurementSchema : TITLED_SCHEMAS[kind][1];
  const parsed = schema.safeParse(data);
  if (!parsed.success) throw new UserError(`${label} is not valid`, problemLines(parsed.error, data, schema));
  return kind;
}

async function checkScenario(document: Document, io: Io): Promise<void> {
  const { file, notes } = await loadScenario(document, {}, library(io));
  const { problems } = resolveScenario(file, file.model, file.hardware);
  if (problems !== undefined) throw new UserError(`${document.label} cannot be simulated`, problems);
  noteImport({ notes }, io);
}
