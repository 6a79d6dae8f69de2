import type { Result } from "../../schema/result.ts";
import { formatPercent, formatSeconds } from "../../units.ts";
import { alternativeBars } from "../chart/bars.ts";
import { barsChart, barsHeight } from "../chart/bars-svg.ts";
import { classesOf } from "../chart/classes.ts";
import { roofline } from "../chart/roofline.ts";
import { rooflineChart, swatch } from "../chart/roofline-svg.ts";
import { offChartText } from "../chart/run-svg.ts";
import { type Child, type Element, element } from "../chart/tree.ts";
import { UNKNOWN } from "../text/figure-text.ts";
import { sentence, undecided, type Verdict, verdicts } from "../text/headline.ts";
import { closingFacts, layerFacts, typicalErrorText } from "../text/run-facts.ts";
import { title } from "../text/scenario-text.ts";
import { claimsView } from "./claims-view.ts";
import { commandLine } from "./command.ts";
import { controls } from "./controls.ts";
import type { PageModel } from "./model.ts";
import { operatorTableView } from "./operator-view.ts";
import { reachView } from "./reach-view.ts";

/** The page's content, from top to bottom. */
export function pageView(model: PageModel): Element[] {
  const { data, state, result, problems } = model;
  const stale = problems.length > 0 ? "stale" : "";
  return [
    element("a", { class: "skip", href: "#main-controls" }, ["Skip to the controls"]),
    header(result, stale),
    element("main", { class: stale }, [
      claimsSection(model),
      element("div", { class: "workbench" }, [
        element("aside", { "aria-label": "Controls" }, [
          liveView(result),
          problemBox(problems),
          element(
            "form",
            { id: "main-controls", tabindex: "-1", autocomplete: "off" },
            controls(data, state, result),
          ),
        ]),
        element("div", { class: "pictures" }, [
          section("reach", "Where would normalization reach 25%?", reachView(model)),
          rooflineSection(model),
          section("operators", "Operators of one layer", [operatorTableView(result, model.sort)]),
          barsSection(model),
          shareSection(model),
        ]),
      ]),
    ]),
    footer(model),
  ];
}

function header(result: Result, stale: string): Element {
  return element("header", { class: stale }, [
    element("p", { class: "scenario", id: "scenario-title" }, [title(result.scenario)]),
    element("h1", { id: "headline", "aria-live": "polite" }, [sentence(result)]),
    element(
      "ul",
      { class: "verdicts" },
      verdicts(result).map((verdict) => element("li", {}, verdictText(verdict))),
    ),
    ...typicalErrorText(result).map((text) => element("p", { class: "quiet" }, [text])),
  ]);
}

function verdictText(verdict: Verdict): Child[] {
  const { change, verb, share, time } = verdict;
  const text = undecided(verdict);
  if (text !== undefined) return [element("span", {}, [change]), element("b", {}, [text])];
  return [
    element("span", {}, [change]),
    element("b", { class: verb }, [`${verb} ${share}`]),
    element("span", { class: "quiet" }, [time]),
  ];
}

function section(id: string, heading: string, children: readonly Child[]): Element {
  return element("section", { id, "aria-labelledby": `${id}-heading` }, [
    element("h2", { id: `${id}-heading` }, [heading]),
    ...children,
  ]);
}

/** The headline once more, beside the knobs that move it. */
const liveView = ({ normalization, layer }: Result): Element =>
  element("p", { class: "live" }, [
    element("b", { id: "live-share" }, [
      normalization.shareOfTime === null ? "?" : formatPercent(normalization.shareOfTime),
    ]),
    element("span", {}, [
      normalization.seconds === null
        ? `of runtime is normalization: ${UNKNOWN}`
        : `of runtime is normalization: ${formatSeconds(normalization.seconds)} of ${formatSeconds(layer.seconds)}`,
    ]),
  ]);

const problemBox = (problems: readonly string[]): Element =>
  element("div", { id: "problems", role: "alert" }, [
    ...(problems.length === 0
      ? []
      : [
          element("p", {}, ["There is no such layer; the page shows the one before."]),
          element(
            "ul",
            {},
            problems.map((text) => element("li", {}, [text])),
          ),
        ]),
  ]);

/** Tall enough that slopes are not flat, on narrow screens too. */
const chartHeight = (width: number): number => Math.round(Math.min(470, Math.max(340, width * 0.56)));

function rooflineSection({ result, width }: PageModel): Element {
  const model = roofline(result);
  const height = chartHeight(width);
  return section("roofline", "Under the roofline", [
    legend(result),
    element(
      "svg",
      {
        class: "chart",
        viewBox: `0 0 ${width} ${height}`,
        role: "group",
        "aria-label": `Roofline chart: ${model.dots.length} operators by arithmetic intensity and achieved FLOP per second`,
      },
      rooflineChart(model, width, height, true).parts,
    ),
    ...(model.offChart.length === 0
      ? []
      : [element("p", { class: "quiet" }, [offChartText(model.offChart, result)])]),
  ]);
}

const SWATCH = 16;

function legend({ operators }: Result): Element {
  const swatches = classesOf(operators).map((name) =>
    element("span", { class: "key" }, [
      element("svg", { class: "chart", width: SWATCH, height: SWATCH, "aria-hidden": "true" }, [
        swatch(name, SWATCH / 2, SWATCH / 2),
      ]),
      name,
    ]),
  );
  const lines = (["datasheet", "achievable"] as const).map((origin) =>
    element("span", { class: "key" }, [
      element("svg", { class: "chart", width: 26, height: SWATCH, "aria-hidden": "true" }, [
        element("line", { x1: 1, y1: 8, x2: 25, y2: 8, class: `limit main ${origin}` }),
      ]),
      origin,
    ]),
  );
  return element("p", { class: "legend" }, [
    ...swatches,
    ...lines,
    element("span", { class: "quiet" }, ["dot area: time. Point at a dot, or tab to it."]),
  ]);
}

function barsSection({ result, width }: PageModel): Element {
  const bars = alternativeBars(result);
  const height = barsHeight(bars);
  return section("alternatives", "The same layer with other norms", [
    element(
      "svg",
      {
        class: "chart",
        viewBox: `0 0 ${width} ${height}`,
        role: "group",
        "aria-label":
          "Time of the layer by class of operator, one bar for each kind and implementation of the norm",
      },
      barsChart(bars, width, true),
    ),
  ]);
}

const claimsSection = ({ slow, isPending }: PageModel): Element =>
  section("claims", "The article’s claims, here", [
    element("p", { class: "quiet" }, [ARTICLE]),
    ...claimsView(slow.claims, isPending),
  ]);

const ARTICLE =
  "“The Normalization Paradox” says of a 70B model on H100 that LayerNorm is 0.17% of the FLOPs, yet 25% of the runtime, and that RMSNorm gives this back. What holds of it for the layer above; open a claim for its figures.";

function shareSection({ data, shown }: PageModel): Element {
  return section("share", "Take it along", [
    element("p", {}, ["The same numbers from the command line; the address of this page holds this view."]),
    element("p", {}, [element("code", { id: "command", tabindex: "0" }, [commandLine(data, shown)])]),
    element("p", { class: "buttons" }, [
      element("button", { type: "button", "data-action": "copy-command" }, ["Copy the command"]),
      element("button", { type: "button", "data-action": "copy-scenario" }, ["Copy the scenario as JSON"]),
      element("button", { type: "button", "data-action": "copy-link" }, ["Copy the link"]),
      element("span", { id: "copied", role: "status" }),
    ]),
  ]);
}

function footer({ data, result }: PageModel): Element {
  const closing = closingFacts(result).map(({ text, isWarning }) => (isWarning ? `Note: ${text}` : text));
  const facts = [...layerFacts(result), ...closing];
  return element("footer", {}, [
    element("h2", {}, ["Behind the numbers"]),
    element(
      "ul",
      {},
      facts.map((text) => element("li", {}, [text])),
    ),
    element("p", { class: "quiet" }, [
      `norm-roofline ${data.version}. The engine runs in this page; nothing is sent anywhere.`,
    ]),
  ]);
}
