import type { Result } from "../../schema/result.ts";
import { alternativesTable, savedNotes } from "./alternatives-table.ts";
import { articleSections, type Section } from "./article-sections.ts";
import { UNKNOWN } from "./figure-text.ts";
import { sentence, undecided, verdicts } from "./headline.ts";
import { escapeMarkdown, markdownLine, markdownTable } from "./markdown.ts";
import { plainOperatorTable, type TextTable } from "./operator-table.ts";
import { closingFacts, layerFacts, typicalErrorText } from "./run-facts.ts";
import { title } from "./scenario-text.ts";

/** The same report for GitHub. */
export function runMarkdown(results: readonly Result[]): string {
  return results.map(oneReport).join("\n");
}

function oneReport(result: Result): string {
  const others = alternativesTable(result);
  const lines = [
    `## ${escapeMarkdown(title(result.scenario))}`,
    "",
    `**${sentence(result)}**`,
    "",
    ...verdicts(result).map((verdict) => {
      const { change, verb, share, time } = verdict;
      return `- ${change}: ${undecided(verdict) ?? `${verb} ${share} (${time})`}`;
    }),
    "",
    ...[...typicalErrorText(result), ...layerFacts(result)].map((fact) => `- ${markdownLine(fact)}`),
    "",
    ...table(plainOperatorTable(result)),
    "### Time by kind and implementation of the norm",
    "",
    ...(others === undefined ? [`${UNKNOWN}.`, ""] : table(others)),
    ...savedNotes(result).flatMap((note) => [markdownLine(note), ""]),
    ...articleSections(result).flatMap(section),
    ...closingFacts(result).map(({ text }) => `- ${markdownLine(text)}`),
  ];
  return `${lines.join("\n")}\n`;
}

const table = ({ columns, rows }: TextTable): string[] => [...markdownTable(columns, rows), ""];

const section = ({ heading, before, table: figures, after }: Section): string[] => [
  `### ${heading}`,
  "",
  ...before,
  "",
  ...(figures ? table(figures) : []),
  ...after,
  "",
];
