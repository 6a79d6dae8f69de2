import { EXIT, UserError } from "../errors.ts";
import { type Document, readDocument } from "../io/document.ts";
import { readOrThrow } from "../io/load.ts";
import { FOLDERS, type Kind, LIST_WORDS, shippedNames } from "../io/shipped.ts";
import type { Io } from "../io/terminal.ts";
import { suggestion } from "../nearest.ts";
import { type OutputOptions, output } from "../output.ts";
import { type Row, type RowColumn, renderRows } from "../report/text/rows.ts";
import { IMPLEMENTATION_HELP } from "../report/text/scenario-text.ts";
import { trustText } from "../report/text/trust.ts";
import type { Hardware } from "../schema/hardware.ts";
import type { Model } from "../schema/model.ts";
import type { ScenarioFile } from "../schema/scenario.ts";
import type { Stack } from "../schema/stack.ts";
import { formatByteRate, formatBytes, formatFlopRate } from "../units.ts";

const LISTS = {
  models: () => describeAll("model", modelText),
  hardware: () => describeAll("hardware", hardwareText),
  scenarios: () => describeAll("scenario", ({ description }) => description ?? ""),
  stacks: () => describeAll("stack", ({ framework, version }) => `${framework} ${version}`),
  norms: async () =>
    Object.entries(IMPLEMENTATION_HELP).map(([name, description]) => ({ kind: "norm", name, description })),
} as const;

type ListName = keyof typeof LISTS;

const COLUMNS: readonly RowColumn[] = [
  { key: "kind", title: "kind", align: "left" },
  { key: "name", title: "name", align: "left" },
  { key: "description", title: "description", align: "left" },
];

/** `list [kind]`: what can be named. */
export async function list(kind: string | undefined, options: OutputOptions, io: Io): Promise<number> {
  const { write } = output(options, io);
  const names = kind === undefined ? (Object.keys(LISTS) as ListName[]) : [listName(kind)];
  const rows = (await Promise.all(names.map((name) => LISTS[name]()))).flat();
  await write((format, look) =>
    renderRows(kind === undefined || format === "csv" ? COLUMNS : COLUMNS.slice(1), rows, format, look),
  );
  return EXIT.ok;
}

function listName(word: string): ListName {
  const names = Object.keys(LISTS) as ListName[];
  const found = names.find((name) => name === word || name === `${word}s`);
  if (found !== undefined) return found;
  throw new UserError(
    `nothing to list by the name ${JSON.stringify(word)}: ${suggestion(word, names) || `there is ${names.join(", ")}`}`,
  );
}

type Shipped = { model: Model; hardware: Hardware; scenario: ScenarioFile; stack: Stack };

async function describeAll<K extends Kind>(kind: K, text: (value: Shipped[K]) => string): Promise<Row[]> {
  return Promise.all(
    shippedNames(kind).map(async (name) => {
      const document: Document = readDocument(kind, name, FOLDERS[kind]);
      const value = (await readOrThrow(kind, document)).value as unknown as Shipped[K];
      return { kind: LIST_WORDS[kind].replace(/s$/, ""), name, description: text(value) };
    }),
  );
}

function modelText(model: Model): string {
  const { hidden, heads, kvHeads, ffn, layers, norm, normPlacement, experts } = model;
  const block =
    experts === undefined
      ? `FFN ${ffn}`
      : `${experts.perToken} of ${experts.count} experts of ${experts.ffn}`;
  return `hidden ${hidden}, heads ${heads}/${kvHeads}, ${block}, ${layers} layers, ${normPlacement} ${norm}`;
}

function hardwareText(hardware: Hardware): string {
  const { peakFlopsPerSecond: peak, hbmBytesPerSecond, hbmBytes } = hardware;
  const tensor = peak.bf16 !== undefined ? (["bf16", peak.bf16] as const) : (["fp16", peak.fp16] as const);
  const rate = tensor[1] === undefined ? "" : `${tensor[0]} ${formatFlopRate(tensor[1])}, `;
  return `${rate}${formatByteRate(hbmBytesPerSecond)}, ${formatBytes(hbmBytes)}, ${trustText(hardware)}`;
}
