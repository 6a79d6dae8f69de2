import { describe, expect, test } from "vitest";
import type { Point } from "../../../src/ask/flags.ts";
import { evaluate, shareCurves, slowAnswers } from "../../../src/browser/evaluate.ts";
import type { Element } from "../../../src/report/chart/tree.ts";
import { shareChart } from "../../../src/report/page/share-chart.ts";
import { pageData } from "../../support/page.ts";

const data = pageData();

/** Widths that 8 or 16 GPUs can share are few. */
const VIEWS: readonly Point[] = [
  {},
  { "tensor-parallel": 8 },
  { "tensor-parallel": 16, norm: "layernorm:eager" },
  { hidden: 64, model: "gpt2-xl" },
  { hidden: 131_072, norm: "rmsnorm:fused" },
];

describe.each(VIEWS)("the share over the width, seen from %j", (point) => {
  const state = { scenario: 0, point };
  const { result } = evaluate(data, state);
  const { scenario, normalization } = result!;
  const curves = shareCurves(data, state);
  const chart = shareChart(
    {
      curves,
      reaches: slowAnswers(data, state).reaches,
      norm: scenario.normalization,
      here: { x: scenario.model.hidden, y: normalization.shareOfTime! },
    },
    900,
    300,
  );

  test("is a curve through layers that there are", () => {
    for (const { norm, samples } of curves) {
      expect(samples.length).toBeGreaterThan(5);
      for (const { x, y } of samples.filter((_, index) => index % 5 === 0)) {
        const there = { ...point, hidden: x, norm: `${norm.kind}:${norm.implementation}` };
        expect(evaluate(data, { scenario: 0, point: there }).result!.normalization.shareOfTime).toBe(y);
      }
    }
  });

  test("has every mark on a line, inside the picture", () => {
    const lines = chart.flatMap(linesIn);
    expect(lines).toHaveLength(curves.length);
    const marks = chart.filter(({ tag }) => tag === "circle");
    expect(marks.length).toBeGreaterThan(0);
    for (const { attributes } of marks) {
      const at = [Number(attributes["cx"]), Number(attributes["cy"])] as const;
      expect(at[0]).toBeGreaterThanOrEqual(52);
      expect(at[0]).toBeLessThanOrEqual(880);
      expect(Math.min(...lines.map((line) => distance(at, line)))).toBeLessThan(0.01);
    }
  });
});

type Place = readonly [x: number, y: number];

/** The corners of a curve. */
function linesIn({ attributes, children }: Element): Place[][] {
  const own = attributes["class"] === "series-line" ? [cornersOf(String(attributes["d"]))] : [];
  return [...own, ...children.flatMap((child) => (typeof child === "string" ? [] : linesIn(child)))];
}

const cornersOf = (path: string): Place[] =>
  [...path.matchAll(/(-?[\d.]+),(-?[\d.]+)/g)].map(([, x, y]) => [Number(x), Number(y)]);

/** From a place to a line, straight up or down. */
function distance([x, y]: Place, corners: readonly Place[]): number {
  const after = Math.max(
    1,
    corners.findIndex((corner) => corner[0] >= x - 1e-3),
  );
  const [[x1, y1], [x2, y2]] = [corners[after - 1]!, corners[after]!];
  return Math.abs(y1 + ((x - x1) / (x2 - x1)) * (y2 - y1) - y);
}
