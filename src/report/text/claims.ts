import type { Claim, Claims, Place } from "../../schema/claims.ts";
import { parseField } from "../../study/result-field.ts";
import { formatBytes, formatPercent, formatSeconds, formatUsd, significant } from "../../units.ts";
import { renderAnswer } from "./answer.ts";
import { unitText } from "./figure-text.ts";
import type { Format, Look } from "./formats.ts";
import type { Row, RowColumn } from "./rows.ts";
import { title } from "./scenario-text.ts";
import { stretches } from "./stretches.ts";
import { wrap } from "./terminal-text.ts";

const COLUMNS: readonly RowColumn[] = [
  { key: "id", title: "claim", align: "left" },
  { key: "verdict", title: "verdict", align: "left" },
  { key: "condition", title: "condition", align: "left" },
  { key: "value", title: "value here", align: "left" },
  { key: "threshold", title: "holds from", align: "left" },
  { key: "place", title: "where it would hold", align: "left" },
];

/** The article's claims, judged: in every format. */
export const claimsReport = (all: readonly Claims[], format: Format, look: Look): Promise<string> =>
  renderAnswer(
    {
      values: all,
      columns: COLUMNS,
      rows: () => all.flatMap(({ claims }) => claims.map(row)),
      lines: (width) => all.flatMap((one, index) => [...(index > 0 ? [""] : []), ...lines(one, width)]),
    },
    format,
    look,
  );

const row = (claim: Claim): Row => ({
  id: claim.id,
  verdict: claim.verdict,
  condition: claim.condition,
  value: valuesText(claim),
  threshold: claim.threshold,
  place: claim.places.map(placeText).join("; "),
});

function lines({ scenario, claims }: Claims, width: number): string[] {
  const count = (verdict: Claim["verdict"]): number =>
    claims.filter((claim) => claim.verdict === verdict).length;
  const unanswered = count("cannot be answered here");
  const head = [
    ...wrap(title(scenario), width),
    "",
    ...wrap(
      `Of the article's ${claims.length} claims ${count("holds")} hold here, ${count("holds only if")} only under a condition, ${count("does not hold")} do not, ${count("outside this model")} cannot be answered by a timing model${unanswered === 0 ? "" : `, ${unanswered} not without a calibration of this device`}.`,
      width,
    ),
  ];
  return [...head, ...claims.flatMap((claim) => ["", ...block(claim, width)])];
}

const INDENT = "  ";

function block(claim: Claim, width: number): string[] {
  const condition = claim.condition === "" ? "" : ` ${claim.condition}`;
  const here = claim.values.length === 0 ? "" : `Here: ${valuesText(claim)}.`;
  const parts = [
    `${claim.verdict}${condition} (${claim.threshold})`,
    here,
    ...claim.places.map(placeText),
    ...claim.evidence.map((text) => `Published: ${text}.`),
  ];
  return [
    ...wrap(`${claim.id}: ${claim.claim}`, width, INDENT),
    ...parts
      .filter((part) => part !== "")
      .flatMap((part) => wrap(part, width - INDENT.length, INDENT).map((line) => INDENT + line)),
  ];
}

export const valuesText = ({ values }: Claim): string =>
  values.map(({ name, value, unit }) => `${name} ${valueText(value, unit)}`).join(", ");

function valueText(value: number, unit: Claim["values"][number]["unit"]): string {
  switch (unit) {
    case "share":
      return formatPercent(value);
    case "seconds":
      return formatSeconds(value);
    case "bytes":
      return formatBytes(value);
    case "usd":
      return formatUsd(value);
    case "ratio":
      return significant(value);
    case "points":
    case "count":
      return String(value);
  }
}

/** `25% of the runtime with layernorm:eager: below hidden 2752`. */
export function placeText({ claim, field, parameter, norm, crossings, nearest, from, to }: Place): string {
  const { unit } = parseField(field).field!;
  const where = stretches(parameter, crossings);
  const never =
    nearest === null
      ? "nowhere"
      : `nowhere between ${parameter} ${from} and ${to}, nearest ${unitText(nearest.field, unit)} at ${nearest.value}`;
  return `${claim} with ${norm}: ${where.length > 0 ? where.join(", ") : never}.`;
}
