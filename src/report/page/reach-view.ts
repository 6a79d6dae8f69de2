import type { Scenario } from "../../schema/scenario.ts";
import type { Norm, Reach } from "../../study/reach.ts";
import { formatPercent } from "../../units.ts";
import { type Child, type Element, element } from "../chart/tree.ts";
import { UNKNOWN } from "../text/figure-text.ts";
import { normText } from "../text/scenario-text.ts";
import { stretches } from "../text/stretches.ts";
import { TARGET } from "./data.ts";
import type { PageModel } from "./model.ts";
import { shareChart } from "./share-chart.ts";

/** The answer in words, a way there, and the curves it is read from. */
export function reachView({ result, curves, slow, isPending, width }: PageModel): Child[] {
  const { model, normalization } = result.scenario;
  const { shareOfTime } = result.normalization;
  if (shareOfTime === null) return [element("p", { id: "reach-answers" }, [`Where it does is ${UNKNOWN}.`])];
  const height = Math.round(Math.min(330, Math.max(260, width * 0.4)));
  const { reaches } = slow;
  return [
    element(
      "ul",
      {
        class: isPending ? "reaches pending" : "reaches",
        id: "reach-answers",
        "aria-busy": String(isPending),
      },
      reaches.map((one) => element("li", {}, answer(one, result.scenario))),
    ),
    element(
      "svg",
      {
        class: "chart",
        viewBox: `0 0 ${width} ${height}`,
        role: "img",
        "aria-label": `Normalization’s share of the layer’s time over the hidden size, with the article’s 25% marked. ${reaches.map(reachText).join(" ")}`,
      },
      shareChart(
        {
          curves,
          reaches: isPending ? [] : reaches,
          norm: normalization,
          here: { x: model.hidden, y: shareOfTime },
        },
        width,
        height,
      ),
    ),
  ];
}

function answer(one: Reach, { model, normalization }: Scenario): Child[] {
  const goal = destination(one, model.hidden);
  const isThere =
    goal === model.hidden &&
    one.norm.kind === normalization.kind &&
    one.norm.implementation === normalization.implementation;
  return [
    element("b", {}, [capital(normText(one.norm))]),
    ` ${rest(one)} `,
    ...(goal === undefined ? [] : [isThere ? "You are there." : goThere(one.norm, goal)]),
  ];
}

function goThere(norm: Norm, hidden: number): Element {
  return element(
    "button",
    {
      type: "button",
      "data-action": "go",
      "data-hidden": String(hidden),
      "data-norm": `${norm.kind}:${norm.implementation}`,
    },
    [`Go there: hidden ${hidden}, ${normText(norm)}`],
  );
}

const reachText = (one: Reach): string => `${capital(normText(one.norm))} ${rest(one)}`;

function rest({ crossings, nearest, range }: Reach): string {
  const target = formatPercent(TARGET).replace(".0", "");
  if (crossings.length === 0) {
    if (nearest === undefined) return "has no width at which this layer could run.";
    const always = nearest.y >= TARGET;
    return always
      ? `takes more than ${target} at every hidden size from ${range.from} to ${range.to}.`
      : `never takes ${target}: between hidden ${range.from} and ${range.to} it comes nearest at ${nearest.x}, with ${formatPercent(nearest.y)}.`;
  }
  const where = stretches(
    "hidden",
    crossings.map(({ after, direction }) => ({ value: after.x, direction })),
  );
  return `takes ${target} or more ${where.join(", ")}.`;
}

/** The width at which the share is at least the target, at the passage nearest to where the reader is. */
function destination({ crossings }: Reach, hidden: number): number | undefined {
  const places = crossings.map(({ before, after, direction }) =>
    direction === "falling" ? before.x : after.x,
  );
  const distance = (x: number): number => Math.abs(Math.log(x / hidden));
  return places.sort((a, b) => distance(a) - distance(b))[0];
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
