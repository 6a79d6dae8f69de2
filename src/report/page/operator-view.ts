import { hbmBytesOf, layerIntensity } from "../../schema/operator-sums.ts";
import type { OperatorResult, Result } from "../../schema/result.ts";
import { formatBytes, formatCount, formatIntensity, formatPercent, formatSeconds } from "../../units.ts";
import { swatch } from "../chart/roofline-svg.ts";
import { type Child, type Element, element } from "../chart/tree.ts";
import { UNKNOWN_CELL } from "../text/rows.ts";

/** The columns of the table: what they sort by, and what people read. */
interface Column {
  readonly key: string;
  readonly title: string;
  readonly value: (operator: OperatorResult) => string | number;
  readonly text: (value: never) => string;
}

const plain = (value: string): string => value;

/** Nobody knows of any share below zero. */
const shareCell = (share: number): string => (share < 0 ? UNKNOWN_CELL : formatPercent(share));

const COLUMNS: readonly Column[] = [
  { key: "name", title: "operator", value: ({ name }) => name, text: plain },
  { key: "class", title: "class", value: (one) => one.class, text: plain },
  { key: "flops", title: "FLOPs", value: ({ flops }) => flops, text: formatCount },
  { key: "bytes", title: "HBM bytes", value: hbmBytesOf, text: formatBytes },
  { key: "intensity", title: "FLOP/B", value: (one) => one.arithmeticIntensity, text: formatIntensity },
  { key: "bound", title: "waits for", value: ({ bound }) => bound, text: plain },
  { key: "seconds", title: "time", value: ({ seconds }) => seconds, text: (value) => formatSeconds(value) },
  { key: "share", title: "share", value: ({ shareOfTime }) => shareOfTime ?? -1, text: shareCell },
];

/** Undefined: in the order in which they run. */
export type Sort = { readonly key: string; readonly isRising: boolean } | undefined;

/** What a click on a column's title asks for: the largest first, then the smallest, then the layer's own order. */
export function nextSort(sort: Sort, key: string): Sort {
  if (sort?.key !== key) return { key, isRising: isText(key) };
  return sort.isRising === isText(key) ? { key, isRising: !sort.isRising } : undefined;
}

const isText = (key: string): boolean => ["name", "class", "bound"].includes(key);

export function operatorTableView(result: Result, sort: Sort): Element {
  const longest = Math.max(...result.operators.map(({ shareOfTime }) => shareOfTime ?? 0)) || 1;
  return element(
    "div",
    { class: "scroll", role: "region", "aria-label": "Table of operators", tabindex: "0" },
    [
      element("table", { id: "operator-table" }, [
        element("thead", {}, [
          element(
            "tr",
            {},
            COLUMNS.map((column) => head(column, sort)),
          ),
        ]),
        element(
          "tbody",
          {},
          sorted(result.operators, sort).map((one) => row(one, longest)),
        ),
        element("tfoot", {}, [layerRow(result)]),
      ]),
    ],
  );
}

function head({ key, title }: Column, sort: Sort): Element {
  const isSorted = sort?.key === key;
  const direction = isSorted ? (sort.isRising ? "ascending" : "descending") : undefined;
  const arrow = isSorted ? (sort.isRising ? " ▲" : " ▼") : "";
  return element("th", { scope: "col", class: isText(key) ? "text" : "", "aria-sort": direction }, [
    element("button", { type: "button", "data-sort": key }, [
      title,
      element("span", { class: "arrow", "aria-hidden": "true" }, [arrow]),
    ]),
  ]);
}

function sorted(operators: readonly OperatorResult[], sort: Sort): readonly OperatorResult[] {
  const column = COLUMNS.find(({ key }) => key === sort?.key);
  if (column === undefined || sort === undefined) return operators;
  const sign = sort.isRising ? 1 : -1;
  return [...operators].sort((a, b) => {
    const [x, y] = [column.value(a), column.value(b)];
    return sign * (x < y ? -1 : x > y ? 1 : 0);
  });
}

function row(operator: OperatorResult, longest: number): Element {
  return element(
    "tr",
    { "data-key": operator.name, "data-operator": operator.name },
    COLUMNS.map((column) => cell(column, operator, longest)),
  );
}

function cell({ key, value, text }: Column, operator: OperatorResult, longest: number): Element {
  const raw = value(operator);
  const shown: Child[] = [(text as (value: string | number) => string)(raw)];
  if (key === "name")
    return element("th", { scope: "row", class: "text" }, [shapeOf(operator), element("span", {}, shown)]);
  const attributes = {
    class: isText(key) ? "text" : "",
    "data-value": typeof raw === "number" ? String(raw) : undefined,
  };
  if (key !== "share") return element("td", attributes, shown);
  return element("td", { ...attributes, class: "share" }, [...shown, shareBar(operator, longest)]);
}

const SWATCH = 14;

const shapeOf = (operator: OperatorResult): Element =>
  element("svg", { class: "chart", width: SWATCH, height: SWATCH, "aria-hidden": "true" }, [
    swatch(operator.class, SWATCH / 2, SWATCH / 2, 60),
  ]);

const BAR = 60;

const shareBar = (operator: OperatorResult, longest: number): Element =>
  element("svg", { class: "chart meter", width: BAR, height: 10, "aria-hidden": "true" }, [
    element("rect", {
      x: 0,
      y: 0,
      width: ((operator.shareOfTime ?? 0) / longest) * BAR,
      height: 10,
      class: `part c-${operator.class}`,
    }),
  ]);

function layerRow({ layer }: Result): Element {
  const number = (value: number, text: string): Element =>
    element("td", { "data-value": String(value) }, [text]);
  const intensity = layerIntensity(layer);
  return element("tr", {}, [
    element("th", { scope: "row", class: "text" }, ["layer"]),
    element("td"),
    number(layer.flops, formatCount(layer.flops)),
    number(layer.hbmBytes, formatBytes(layer.hbmBytes)),
    number(intensity, formatIntensity(intensity)),
    element("td"),
    number(layer.seconds, formatSeconds(layer.seconds)),
    number(1, "100%"),
  ]);
}
