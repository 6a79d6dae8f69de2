import { secondsByClass } from "../../schema/operator-sums.ts";
import type { OperatorResult, Result } from "../../schema/result.ts";
import { formatPercent, formatSeconds } from "../../units.ts";
import { shareText } from "../text/figure-text.ts";
import { sentence } from "../text/headline.ts";
import { title } from "../text/scenario-text.ts";
import { wrap } from "../text/terminal-text.ts";
import { alternativeBars, type Bar, barOf, barsTitle } from "./bars.ts";
import { barsChart, barsHeight } from "./bars-svg.ts";
import { classesOf } from "./classes.ts";
import { type Block, svgDocument } from "./document.ts";
import { roofline } from "./roofline.ts";
import { rooflineChart, swatch } from "./roofline-svg.ts";
import { FONT } from "./style.ts";
import { label, shortened } from "./svg-text.ts";
import { type Element, element } from "./tree.ts";

const WIDTH = 900;
const CHART_HEIGHT = 470;

/** The roofline of each scenario with its operators, and its layer's time with every norm; one below the other. */
export function runSvg(results: readonly Result[]): string {
  const titles = results.map(({ scenario }) => title(scenario));
  return svgDocument(
    `Roofline: ${titles.join("; ")}`,
    results.map(sentence).join(" "),
    WIDTH,
    results.flatMap(oneResult),
  );
}

/** Layers as bars of their time by class, one a scenario. */
export function compareSvg(names: readonly string[], results: readonly Result[]): string {
  const bars = results.map(({ operators, normalization }, index): Bar => {
    const bar = barOf(names[index]!, secondsByClass(operators));
    return { ...bar, text: `${bar.text}, norms ${shareText(normalization.shareOfTime)}` };
  });
  const heading = "Time of a layer by class of operator";
  return svgDocument(heading, bars.map(({ name, text }) => `${name}: ${text}`).join("; "), WIDTH, [
    texts([{ text: heading, class: "title" }]),
    legend(
      results.flatMap(({ operators }) => operators),
      "",
    ),
    { height: barsHeight(bars), parts: barsChart(bars, WIDTH) },
  ]);
}

function oneResult(result: Result): Block[] {
  const model = roofline(result);
  const chart = rooflineChart(model, WIDTH, CHART_HEIGHT);
  const bars = alternativeBars(result);
  return [
    texts([
      ...wrap(title(result.scenario), TITLE_LETTERS).map((text) => ({ text, class: "title" })),
      { text: sentence(result), class: "subtitle" },
    ]),
    legend(result.operators, "dot area: time"),
    { height: CHART_HEIGHT, parts: chart.parts },
    notes([
      ...(model.offChart.length === 0 ? [] : [offChartText(model.offChart, result)]),
      ...(chart.unlabelled.length === 0 ? [] : [`Without room for a name: ${chart.unlabelled.join(", ")}.`]),
    ]),
    texts([{ text: barsTitle(bars), class: "heading" }]),
    { height: barsHeight(bars), parts: barsChart(bars, WIDTH) },
  ];
}

interface Line {
  readonly text: string;
  readonly class: string;
}

const LINE = 20;
const TITLE_LETTERS = 105;

function texts(lines: readonly Line[]): Block {
  return {
    height: lines.length * LINE + 6,
    parts: lines.map(({ text, class: name }, index) =>
      label(shortened(text, name === "title" ? TITLE_LETTERS : 130), 0, index * LINE + LINE / 2, {
        class: name,
      }),
    ),
  };
}

/** Shapes and colours of the classes, the share of time beside them. */
function legend(operators: readonly OperatorResult[], more: string): Block {
  const parts: Element[] = [];
  let x = 0;
  for (const name of classesOf(operators)) {
    parts.push(swatch(name, x + 7, 10), label(name, x + 18, 10));
    x += 18 + name.length * FONT.letterWidth + 18;
  }
  if (more !== "") parts.push(label(more, x, 10, { class: "quiet" }));
  parts.push(...lineKey(x + more.length * FONT.letterWidth + 22, more !== ""));
  return { height: 24, parts };
}

/** What solid and dashed lines are. */
function lineKey(x: number, isDrawn: boolean): Element[] {
  if (!isDrawn) return [];
  return (["datasheet", "achievable"] as const).flatMap((origin, index) => {
    const from = x + index * 110;
    return [
      element("line", { x1: from, y1: 10, x2: from + 24, y2: 10, class: `limit main ${origin}` }),
      label(origin, from + 30, 10, { class: "quiet" }),
    ];
  });
}

const NOTE_LETTERS = 135;

/** Sentences below the chart. */
function notes(sentences: readonly string[]): Block {
  if (sentences.length === 0) return { height: 14, parts: [] };
  const lines = sentences.flatMap((sentence) => wrap(sentence, NOTE_LETTERS));
  const block = texts(lines.map((text) => ({ text, class: "quiet" })));
  return { ...block, height: block.height + 8 };
}

/** Operators that a logarithmic chart has no place for. */
export function offChartText(offChart: readonly OperatorResult[], { layer }: Result): string {
  const names = offChart.map(({ name, seconds }) => `${name} ${formatSeconds(seconds)}`);
  const seconds = offChart.reduce((sum, one) => sum + one.seconds, 0);
  const share = layer.seconds === 0 ? 0 : seconds / layer.seconds;
  return `Not on the chart, as they compute nothing or move no HBM bytes: ${names.join(", ")} (${formatPercent(share)} of the time).`;
}
