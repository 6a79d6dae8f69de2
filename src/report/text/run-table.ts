import type { Result } from "../../schema/result.ts";
import { visible } from "../../visible.ts";
import { alternativesTable, savedNotes } from "./alternatives-table.ts";
import { articleSections, type Section } from "./article-sections.ts";
import { UNKNOWN } from "./figure-text.ts";
import type { Look } from "./formats.ts";
import { sentence, undecided, type Verdict, verdicts } from "./headline.ts";
import { operatorTable, type TextTable } from "./operator-table.ts";
import { type Paint, paint } from "./paint.ts";
import { closingFacts, layerFacts, typicalErrorText } from "./run-facts.ts";
import { title } from "./scenario-text.ts";
import { toAscii, wrap } from "./terminal-text.ts";
import { textTable } from "./text-table.ts";

/** The report for people: whoever reads only its first five lines knows the answer. */
export function runTable(results: readonly Result[], look: Look): string {
  const text = results.map((result) => oneReport(result, look)).join(`\n\n${"─".repeat(look.width)}\n\n`);
  return `${look.unicode ? text : toAscii(text)}\n${paint(look).quiet(SEE_IT)}\n`;
}

const SEE_IT = "See it: norm-roofline report -o report.html (a page), or run --chart.";

function oneReport(result: Result, look: Look): string {
  const style = paint(look);
  const others = alternativesTable(result);
  const sections = [
    headline(result, look, style),
    layerFacts(result).flatMap((fact) => wrap(fact, look.width, "  ")),
    table(operatorTable(result, look.width), style, " "),
    [
      ...wrap(
        `Time of the norms and of the layer by kind and implementation of the norm:${others === undefined ? ` ${UNKNOWN}.` : ""}`,
        look.width,
      ),
      ...(others === undefined ? [] : table(others, style, "  ")),
      ...savedNotes(result).flatMap((note) => wrap(note, look.width, "  ")),
    ],
    ...articleSections(result).map((part) => section(part, look, style)),
    closing(result, look, style),
  ];
  return sections.map((lines) => lines.join("\n")).join("\n\n");
}

export function headline(result: Result, { width }: Look, style: Paint): string[] {
  return [
    ...wrap(title(result.scenario), width, "  ").map(style.quiet),
    "",
    ...wrap(sentence(result), width).map(style.strong),
    ...verdictLines(verdicts(result), style, width),
    ...typicalErrorText(result).flatMap((text) => wrap(text, width, "  ")),
  ];
}

/** Changes and what they do, side by side; below each other where that is too wide, as whole clauses are. */
function verdictLines(all: readonly Verdict[], style: Paint, width: number): string[] {
  const short = all.filter(({ verb }) => verb !== "cannot be told from zero");
  const longest = Math.max(0, ...short.map(({ change }) => change.length));
  const isNarrow = short.some((verdict) => longest + VERDICT_GAPS + verdictText(verdict).length > width);
  return all.flatMap((verdict) => {
    const text = verdictText(verdict, style);
    return isNarrow || !short.includes(verdict)
      ? [`  ${verdict.change}`, `    ${text}`]
      : [`  ${verdict.change.padEnd(longest)}  ${text}`];
  });
}

const VERDICT_GAPS = 4;

function verdictText(verdict: Verdict, style?: Paint): string {
  const { verb, share, time } = verdict;
  const text = undecided(verdict);
  if (text !== undefined) return text;
  const amount = `${verb} ${share.replace(/^\S+/, (percent) => percent.padStart(5))}`;
  if (style === undefined) return `${amount}  (${time})`;
  return `${(verb === "saves" ? style.good : style.bad)(amount)}  (${time})`;
}

function table({ columns, rows }: TextTable, style: Paint, gap: string): string[] {
  const [head = "", ...lines] = textTable(columns, rows, gap);
  return [style.quiet(head), ...lines];
}

function section(
  { heading, before, table: figures, after }: Section,
  { width }: Look,
  style: Paint,
): string[] {
  return [
    ...wrap(heading, width).map(style.strong),
    ...before.flatMap((text) => wrap(text, width)),
    ...(figures ? table(figures, style, "  ") : []),
    ...after.flatMap((text) => wrap(text, width)),
  ];
}

const closing = (result: Result, { width }: Look, style: Paint): string[] =>
  closingFacts(result).flatMap(({ text, isWarning }) =>
    wrap(visible(isWarning ? `Note: ${text}` : text), width, "  ").map(
      isWarning ? style.warning : (line) => line,
    ),
  );
