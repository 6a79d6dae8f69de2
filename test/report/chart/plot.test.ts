import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { simulate } from "../../../src/engine/simulate.ts";
import { overlap } from "../../../src/report/chart/labels.ts";
import { plot, rounded } from "../../../src/report/chart/plot.ts";
import { roofline } from "../../../src/report/chart/roofline.ts";
import { svgSheet } from "../../../src/report/chart/roofline-svg.ts";
import { anyScenario, decode, hardware, model, scenario, train } from "../../support/scenarios.ts";

const sheets = fc.constantFrom(svgSheet(900, 470), svgSheet(332, 340));

const ideal = () => {
  const { calibration: _, ...datasheet } = hardware("h100-sxm");
  return datasheet;
};

describe("a roofline", () => {
  test("has every operator, on the chart or beside it", () => {
    fc.assert(
      fc.property(anyScenario, (given) => {
        const result = simulate(given);
        const { dots, offChart } = roofline(result);
        const names = [...dots, ...offChart].map(({ name }) => name).sort();
        expect(names).toEqual(result.operators.map(({ name }) => name).sort());
      }),
      { numRuns: 40 },
    );
  });

  test("of a datasheet has no dot above its roofs", () => {
    fc.assert(
      fc.property(anyScenario, (given) => {
        const { dots, slopes, roofs } = roofline(simulate({ ...given, hardware: ideal() }));
        const highest = Math.max(...roofs.map(({ flopsPerSecond }) => flopsPerSecond));
        for (const { flopsPerByte, flopsPerSecond } of dots) {
          const limit = Math.min(highest, flopsPerByte * slopes[0]!.bytesPerSecond);
          expect(flopsPerSecond).toBeLessThanOrEqual(limit * (1 + 1e-9));
        }
      }),
      { numRuns: 40 },
    );
  });

  test("of a datasheet has its limits alone, of a calibrated device the achievable ones too", () => {
    const origins = (device: ReturnType<typeof hardware>): string[] => {
      const { slopes, roofs, ridges } = roofline(simulate(scenario({ hardware: device })));
      return [...new Set([...slopes, ...roofs, ...ridges].map(({ origin }) => origin))];
    };
    expect(origins(ideal())).toEqual(["datasheet"]);
    expect(origins(hardware("h100-sxm"))).toEqual(["datasheet", "achievable"]);
  });

  test("names all types of one rate together, and knows the scenario's", () => {
    const { roofs } = roofline(simulate(scenario()));
    expect(roofs.filter(({ isMain }) => isMain).map(({ name }) => name)).toEqual(["bf16, fp16", "sustained"]);
    expect(roofs.map(({ name }) => name)).toContain("fp32 vector");
  });

  test("has its ridge at peak over bandwidth", () => {
    const [ridge] = roofline(simulate(scenario())).ridges;
    expect(ridge?.flopsPerByte).toBeCloseTo(989.4e12 / 3.35e12, 9);
  });

  test("keeps what computes nothing off the chart", () => {
    const { offChart } = roofline(simulate(scenario({ workload: decode(16, 2048) })));
    expect(offChart.map(({ name }) => name)).toEqual(["kv-cache-write"]);
  });
});

describe("a plot", () => {
  test("has every dot, every line and every label inside its frame", () => {
    fc.assert(
      fc.property(anyScenario, sheets, (given, sheet) => {
        const { frame, dots, roofs, slopes, labels } = plot(roofline(simulate(given)), sheet);
        const points = [
          ...dots.map(({ center }) => center),
          ...[...roofs, ...slopes].flatMap(({ line }) => [...line]),
          ...labels.flatMap(({ box }) => [box, { x: box.x + box.width, y: box.y + box.height }]),
        ];
        for (const { x, y } of points) {
          expect(x).toBeGreaterThanOrEqual(frame.x - 0.01);
          expect(x).toBeLessThanOrEqual(frame.x + frame.width + 0.01);
          expect(y).toBeGreaterThanOrEqual(frame.y - 0.01);
          expect(y).toBeLessThanOrEqual(frame.y + frame.height + 0.01);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("has no two labels that overlap", () => {
    fc.assert(
      fc.property(anyScenario, sheets, (given, sheet) => {
        const { labels } = plot(roofline(simulate(given)), sheet);
        labels.forEach(({ box }, index) => {
          for (const other of labels.slice(index + 1)) expect(overlap(box, other.box)).toBe(false);
        });
      }),
      { numRuns: 40 },
    );
  });

  test("labels every dot, or says which it could not", () => {
    fc.assert(
      fc.property(anyScenario, sheets, (given, sheet) => {
        const { dots, labels, unlabelled } = plot(roofline(simulate(given)), sheet);
        const named = [...labels.flatMap(({ names }) => names), ...unlabelled].sort();
        expect(named).toEqual(dots.map(({ name }) => name).sort());
      }),
      { numRuns: 40 },
    );
  });

  test.each([
    ["prefill", scenario()],
    ["decode", scenario({ workload: decode(16, 2048) })],
    ["train", scenario({ workload: train(1, 4096) })],
    ["many norms, train", scenario({ model: model("gemma-2-9b"), workload: train(1, 4096) })],
  ])("of a page's width has room for all labels: %s", (_, given) => {
    expect(plot(roofline(simulate(given)), svgSheet(900, 470)).unlabelled).toEqual([]);
  });

  test("of a page's width finds room for the names of nearly all of forty operators", () => {
    const base = roofline(simulate(scenario({ workload: train(1, 4096) })));
    const factor = fc.double({ min: 0.5, max: 1, noNaN: true });
    const jitter = fc.array(fc.tuple(factor, factor), { minLength: 40, maxLength: 40 });
    fc.assert(
      fc.property(jitter, (factors) => {
        const dots = factors.map(([x, y], index) => {
          const dot = base.dots[index % base.dots.length]!;
          const name = `${dot.name}-${index}`;
          return { ...dot, name, flopsPerByte: dot.flopsPerByte * x, flopsPerSecond: dot.flopsPerSecond * y };
        });
        expect(plot({ ...base, dots }, svgSheet(900, 470)).unlabelled.length).toBeLessThanOrEqual(4);
      }),
      { numRuns: 25, seed: 1 },
    );
  });

  test("gives a dot the area of its time", () => {
    const { dots, sheet } = plot(roofline(simulate(scenario())), svgSheet(900, 470));
    const [longest] = dots;
    for (const { area, seconds } of dots)
      expect(area).toBeCloseTo(Math.max(sheet.smallestDot, (longest!.area * seconds) / longest!.seconds), 9);
    expect(longest!.area).toBe(sheet.largestDot);
  });

  test("spreads the names of its roofs apart", () => {
    fc.assert(
      fc.property(anyScenario, (given) => {
        const sheet = svgSheet(900, 470);
        const places = plot(roofline(simulate(given)), sheet).roofs.map(({ labelY }) => labelY);
        places.forEach((place, index) => {
          if (index > 0)
            expect(place - places[index - 1]!).toBeGreaterThanOrEqual(sheet.letter.height - 1e-9);
        });
      }),
      { numRuns: 40 },
    );
  });

  test("has ticks with texts that do not run into each other", () => {
    fc.assert(
      fc.property(anyScenario, sheets, (given, sheet) => {
        const { xTicks } = plot(roofline(simulate(given)), sheet);
        const major = xTicks.filter(({ isMajor }) => isMajor);
        expect(major.length).toBeGreaterThanOrEqual(2);
        major.forEach(({ at, text }, index) => {
          const next = major[index + 1];
          if (next !== undefined)
            expect(next.at - at).toBeGreaterThan(((text.length + next.text.length) / 2) * 6);
        });
      }),
      { numRuns: 40 },
    );
  });
});

describe("the text of a tick", () => {
  test.each([
    ["10.0 ms", "10 ms"],
    ["1.00 PFLOP/s", "1 PFLOP/s"],
    ["0.10", "0.1"],
    ["2.50 µs", "2.5 µs"],
    ["100 ms", "100 ms"],
    ["25.0%", "25%"],
    ["0 s", "0 s"],
    ["1000", "1000"],
  ])("%s is %s", (text, short) => {
    expect(rounded(text)).toBe(short);
  });
});
