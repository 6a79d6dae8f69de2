import type { TraceAnswer } from "../../schema/trace.ts";
import { visible } from "../../visible.ts";
import type { Format, Look } from "./formats.ts";
import { json, jsonLines } from "./json.ts";
import { paint } from "./paint.ts";
import { type Row, type RowColumn, renderRows } from "./rows.ts";
import { toAscii, wrap } from "./terminal-text.ts";
import {
  CLASS_COLUMNS,
  classRows,
  NORM_COLUMNS,
  normTableRows,
  OPERATOR_COLUMNS,
  operatorRows,
} from "./trace-rows.ts";
import { runText, sentences } from "./trace-words.ts";

/** What runs spent on normalization; as CSV one line a kind of norm. */
export async function traceReport(
  answers: readonly TraceAnswer[],
  format: Format,
  look: Look,
): Promise<string> {
  if (format === "json") return json(answers, answers.length !== 1);
  if (format === "jsonl") return jsonLines(answers);
  if (format === "csv") return renderRows(CSV_COLUMNS, answers.flatMap(csvRows), format, look);
  const parts: string[] = [];
  for (const answer of answers) parts.push(await oneReport(answer, format, look));
  return parts.join("\n");
}

interface Section {
  readonly heading: string;
  readonly columns: readonly RowColumn[];
  readonly rows: readonly Row[];
  readonly notes: readonly string[];
}

const NORM_NOTE =
  "moves: what the norms must move at least, over their time; roof: the share of the memory bandwidth that this is; best: predicted for the best kernels that do the same work.";

const sectionsOf = (answer: TraceAnswer): Section[] =>
  [
    { heading: "Norms", columns: NORM_COLUMNS, rows: normTableRows(answer), notes: [NORM_NOTE] },
    { heading: "All that the GPU ran", columns: CLASS_COLUMNS, rows: classRows(answer), notes: [] },
    {
      heading: "Operators, measured and predicted",
      columns: OPERATOR_COLUMNS,
      rows: operatorRows(answer),
      notes: ["predicted: for the scenario that the trace tells; ratio: predicted over measured."],
    },
  ].filter(({ rows }) => rows.length > 0);

async function oneReport(answer: TraceAnswer, format: "table" | "md", look: Look): Promise<string> {
  const head = format === "md" ? await markdownHead(answer) : tableHead(answer, look);
  const sections: string[] = [];
  for (const { heading, columns, rows, notes } of sectionsOf(answer)) {
    const title = format === "md" ? `### ${heading}\n` : paint(look).strong(heading);
    sections.push(`${title}\n${await renderRows(columns, rows, format, look, notes)}`);
  }
  const below = format === "md" ? await markdownNotes(answer) : tableNotes(answer, look);
  return [head, ...sections, ...(below === "" ? [] : [below])].join("\n");
}

function tableHead(answer: TraceAnswer, look: Look): string {
  const { quiet, strong } = paint(look);
  const [first = "", ...others] = sentences(answer).map(visible);
  const lines = [
    ...wrap(visible(answer.trace.file), look.width, "  ").map(quiet),
    ...wrap(visible(runText(answer)), look.width, "  ").map(quiet),
    "",
    ...wrap(first, look.width).map(strong),
    ...others.flatMap((text) => wrap(text, look.width, "  ")),
  ];
  return shown(lines, look);
}

const tableNotes = ({ warnings, unknown }: TraceAnswer, look: Look): string =>
  shown(
    [...warnings.map((text) => `Note: ${text}`), ...unknownTexts(unknown)].flatMap((text) =>
      wrap(visible(text), look.width, "  "),
    ),
    look,
  );

function shown(lines: readonly string[], { unicode }: Look): string {
  const text = lines.map((line) => `${line}\n`).join("");
  return unicode ? text : toAscii(text);
}

const MOST_UNKNOWN = 5;

const unknownTexts = ({ kernels }: TraceAnswer["unknown"]): string[] =>
  kernels
    .slice(0, MOST_UNKNOWN)
    .map(({ name, seconds }) => `Unknown: ${(1e6 * seconds).toFixed(1)} µs a step of ${name}`);

async function markdownHead(answer: TraceAnswer): Promise<string> {
  const { escapeMarkdown, markdownLine } = await import("./markdown.ts");
  const [first = "", ...others] = sentences(answer);
  return [
    `## ${escapeMarkdown(answer.trace.file)}`,
    "",
    markdownLine(runText(answer)),
    "",
    `**${escapeMarkdown(first)}**`,
    "",
    ...others.map((text) => `- ${markdownLine(text)}`),
    "",
  ].join("\n");
}

async function markdownNotes({ warnings, unknown }: TraceAnswer): Promise<string> {
  const { markdownLine } = await import("./markdown.ts");
  const texts = [...warnings, ...unknownTexts(unknown)];
  return texts.map((text) => `- ${markdownLine(text)}\n`).join("");
}

const CSV_COLUMNS: readonly RowColumn[] = [
  "file",
  "section",
  "name",
  "direction",
  "rows",
  "columns",
  "dtype",
  "fusedWith",
  "count",
  "kernels",
  "seconds",
  "shareOfKernelTime",
  "bytes",
  "roofSeconds",
  "predictedSeconds",
].map((key) => ({ key, title: key }));

/** Classes, norms, operators and unknown kernels of a run, a row each. */
function csvRows({ trace, classes, norms, operators, unknown, step }: TraceAnswer): Row[] {
  const share = (seconds: number): number => (step.kernelSeconds > 0 ? seconds / step.kernelSeconds : 0);
  const { file } = trace;
  return [
    ...classes.map(({ class: name, ...one }) => ({ file, section: "class", name, ...one })),
    ...norms.map(({ kind, implementation, alternatives, fusedWith, ...one }) => ({
      file,
      section: "norm",
      name: `${kind}:${implementation}`,
      ...one,
      fusedWith: fusedWith.join(" + "),
      shareOfKernelTime: share(one.seconds),
      predictedSeconds: alternatives[0]?.seconds,
    })),
    ...operators.map(({ name, count, measuredSeconds, predictedSeconds }) => ({
      file,
      section: "operator",
      name,
      count,
      seconds: measuredSeconds,
      predictedSeconds,
    })),
    ...unknown.kernels.map(({ name, seconds }) => ({
      file,
      section: "unknown",
      name,
      seconds,
      shareOfKernelTime: share(seconds),
    })),
  ];
}
