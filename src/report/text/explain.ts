import type { Explanation } from "../../schema/explanation.ts";
import { formatBytes, formatCount, formatSeconds, plural } from "../../units.ts";
import { renderAnswer } from "./answer.ts";
import { UNKNOWN } from "./figure-text.ts";
import type { Format, Look } from "./formats.ts";
import type { Row, RowColumn } from "./rows.ts";
import { title } from "./scenario-text.ts";
import { wrap } from "./terminal-text.ts";

type ExplainedOperator = Explanation["operators"][number];
type ExplainedKernel = ExplainedOperator["kernels"][number];

const COLUMNS: readonly RowColumn[] = [
  { key: "operator", title: "operator", align: "left" },
  { key: "kernel", title: "kernel", align: "left" },
  { key: "name", title: "name", align: "left" },
  { key: "formula", title: "formula", align: "left" },
  { key: "substituted", title: "with values", align: "left" },
  { key: "value", title: "value" },
];

/** Every figure with its formula, in every format. */
export const explainReport = (explanation: Explanation, format: Format, look: Look): Promise<string> =>
  renderAnswer(
    {
      values: [explanation],
      columns: COLUMNS,
      rows: () => rows(explanation),
      lines: (width) => lines(explanation, width),
    },
    format,
    look,
  );

const rows = ({ operators, totals }: Explanation): Row[] => [
  ...operators.flatMap((operator) =>
    operator.kernels.flatMap((kernel) =>
      kernel.steps.map(({ name, formula, substituted, value }) => ({
        operator: operator.name,
        kernel: kernel.name,
        name,
        formula,
        substituted,
        value,
      })),
    ),
  ),
  ...totals.map(({ name, formula, substituted, value }) => ({ name, formula, substituted, value })),
];

function lines(explanation: Explanation, width: number): string[] {
  const { scenario, operators, totals } = explanation;
  const sources = sourceLines(explanation, width);
  return [
    ...wrap(title(scenario), width),
    ...operators.flatMap((operator) => ["", ...operatorLines(operator, width)]),
    ...(totals.length > 0
      ? [
          "",
          "Totals:",
          ...totals.flatMap((step) => stepLines(step, width, 1)),
          ...unknownTotal(totals, width),
        ]
      : []),
    ...(sources.length > 0 ? ["", "Parameters of the hardware, and where they come from:", ...sources] : []),
    "",
    ...readFromLines(explanation, width),
    ...functionLines(explanation, width),
  ];
}

const INDENT = "  ";

const indented = (text: string, width: number, depth: number): string[] => {
  const space = INDENT.repeat(depth);
  return wrap(text, width - space.length, INDENT).map((line) => space + line);
};

function operatorLines(operator: ExplainedOperator, width: number): string[] {
  const { name, kernels, seconds, launchSeconds, idealSeconds, bound } = operator;
  const head = `${name}: ${plural(kernels.length, "kernel")}, ${formatSeconds(seconds, 4)} (${formatSeconds(seconds - launchSeconds, 4)} alone, ${formatSeconds(launchSeconds)} of launches and start), ${bound}-bound; ${formatSeconds(idealSeconds, 4)} by the datasheet's roofline`;
  return [...wrap(head, width, INDENT), ...kernels.flatMap((kernel) => kernelLines(kernel, width))];
}

function kernelLines(kernel: ExplainedKernel, width: number): string[] {
  const terms = Object.entries(kernel.terms)
    .filter(([, seconds]) => seconds > 0)
    .map(([name, seconds]) => `${name} ${formatSeconds(seconds)}`)
    .join(", ");
  const head = `${kernel.name} (${kernel.kind}): ${formatSeconds(kernel.seconds, 4)}, ${formatCount(kernel.flops)}FLOP, HBM ${formatBytes(kernel.hbmBytes)}, L2 ${formatBytes(kernel.l2Bytes)}`;
  const why = `waits longest for ${kernel.bound} (${terms})`;
  return [
    ...indented(head, width, 1),
    ...kernel.steps.flatMap((step) => stepLines(step, width, 2)),
    ...indented(why, width, 2),
  ];
}

type ExplainedStep = ExplainedKernel["steps"][number];

function stepLines({ name, formula, substituted, value }: ExplainedStep, width: number, depth: number) {
  const plain = substituted === formula || substituted === String(value);
  const second = plain ? [] : indented(`= ${substituted}`, width, depth + 1);
  return [
    ...indented(`${name} = ${formula}`, width, depth),
    ...second,
    ...indented(`= ${value}`, width, depth + 1),
  ];
}

/** The total that a device without a calibration does not have. */
const unknownTotal = (totals: Explanation["totals"], width: number): string[] =>
  totals.some(({ name }) => name === "normalization.shareOfTime")
    ? []
    : indented(`normalization.shareOfTime: ${UNKNOWN}`, width, 1);

/** The files behind everything above. */
function readFromLines({ scenario, readFrom }: Explanation, width: number): string[] {
  const { model, hardware } = scenario;
  const of = (file: string | undefined): string => (file === undefined ? "" : ` (${file})`);
  const changed = readFrom?.changed ?? [];
  return [
    `Sizes of ${model.name}${of(readFrom?.model)}: ${model.source}.`,
    `Figures of ${hardware.name}${of(readFrom?.hardware)}: the sources named beside them.`,
    ...(readFrom === undefined ? [] : [`Scenario: ${readFrom.scenario}.`]),
    ...(changed.length > 0 ? [`Changed by flags: ${changed.join(", ")}.`] : []),
  ].flatMap((line) => wrap(line, width, INDENT));
}

/** What the functions are that formulas call, beside those that everybody knows. */
const FUNCTIONS = [
  [
    "softMaximum",
    "softMaximum(p, a, b, ...) is (a^p + b^p + ...)^(1/p): resources overlap, but not perfectly.",
  ],
  ["softMaximum4", "softMaximum4(a, b) is (a^4 + b^4)^(1/4)."],
  ["power", "power(x, p) is x^p."],
  [
    "tilePadding",
    "tilePadding(m, n, k, products, units) is the work that is launched over the work asked for, by the best shape of output tiles: edges are padded, and in the last wave processors idle.",
  ],
  [
    "groupedPadding",
    "groupedPadding(m, n, products, units) is the same for products of different numbers of rows, m on average, in tiles of one shape.",
  ],
  ["threadsPerRow", "threadsPerRow(rows, columns) is how many threads torch gives a row to sum."],
] as const;

/** Those that are called. */
function functionLines({ operators }: Explanation, width: number): string[] {
  const steps = operators.flatMap(({ kernels }) => kernels.flatMap((kernel) => kernel.steps));
  const called = FUNCTIONS.filter(([name]) => steps.some(({ formula }) => formula.includes(`${name}(`)));
  return called.length === 0 ? [] : ["", ...wrap(called.map(([, meaning]) => meaning).join(" "), width)];
}

/** Each parameter once. */
function sourceLines({ operators, totals }: Explanation, width: number): string[] {
  const found = new Map<string, string>();
  const steps = operators.flatMap(({ kernels }) => kernels.flatMap((kernel) => kernel.steps));
  for (const { operands } of [...steps, ...totals])
    for (const { name, value, source } of operands)
      if (source !== undefined) found.set(`${name} = ${value}`, source);
  return [...found].flatMap(([parameter, source]) => indented(`${parameter}: ${source}`, width, 1));
}
