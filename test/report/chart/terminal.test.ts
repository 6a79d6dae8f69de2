import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { simulate } from "../../../src/engine/simulate.ts";
import { canvas } from "../../../src/report/chart/canvas.ts";
import { runChart } from "../../../src/report/text/run-chart.ts";
import { command, words } from "../../support/command.ts";
import { anyScenario, scenario, train } from "../../support/scenarios.ts";

const look = { width: 80, color: false, unicode: true };

// biome-ignore lint/suspicious/noControlCharactersInRegex: colour codes are control characters
const withoutColor = (text: string): string => text.replaceAll(/\u001b\[[\d;]*m/g, "");

describe("a chart for a terminal", () => {
  test("is never wider than it", () => {
    fc.assert(
      fc.property(anyScenario, fc.integer({ min: 60, max: 200 }), fc.boolean(), (given, width, unicode) => {
        for (const line of runChart([simulate(given)], { ...look, width, unicode }).split("\n"))
          expect([...line].length).toBeLessThanOrEqual(width);
      }),
      { numRuns: 30 },
    );
  });

  test("is ASCII where the terminal is not UTF-8", () => {
    fc.assert(
      fc.property(anyScenario, (given) => {
        expect(runChart([simulate(given)], { ...look, unicode: false })).toMatch(/^[\n -~]*$/);
      }),
      { numRuns: 30 },
    );
  });

  test("says the same with colour as without", () => {
    fc.assert(
      fc.property(anyScenario, (given) => {
        const result = simulate(given);
        const colored = runChart([result], { ...look, color: true });
        expect(colored).toContain("\u001b[");
        expect(withoutColor(colored)).toBe(runChart([result], look));
      }),
      { numRuns: 20 },
    );
  });

  test.each([true, false])(
    "names every operator once, in the chart or in its key (unicode: %s)",
    (unicode) => {
      for (const given of [scenario(), scenario({ workload: train(1, 512) })]) {
        const result = simulate(given);
        const text = runChart([result], { width: 120, color: false, unicode });
        const shared = [...text.matchAll(/\+(\d+) [<\d]/g)].reduce((sum, [, more]) => sum + Number(more), 0);
        const missing = result.operators.filter(
          ({ name }) => !new RegExp(`(^|[ ,a-z] ?)${name}[ ,]`, "m").test(text),
        );
        expect(missing.length).toBeLessThanOrEqual(shared);
      }
    },
  );

  test("tells the classes apart without colour", () => {
    const text = runChart([simulate(scenario())], look);
    expect(text).toMatch(/◆ normalization {2}■ matmul {2}● attention {2}▲ pointwise/);
    expect(text).toMatch(/█ normalization, ▒ matmul, ▓ attention, ░\s+pointwise/);
    const ascii = runChart([simulate(scenario())], { ...look, unicode: false });
    expect(ascii).toMatch(/N normalization {2}M matmul {2}A attention {2}P pointwise/);
  });

  test("has a bar for each norm, the given one named", () => {
    const text = runChart([simulate(scenario())], look);
    const bars = text.split("\n").filter((line) => /^(LayerNorm|RMSNorm) [a-z-]+ +[▏▎▍▌▋▊▉█]/.test(line));
    expect(bars).toHaveLength(12);
    expect(bars.filter((line) => line.endsWith("as given"))).toHaveLength(1);
  });

  test("begins with the headline", async () => {
    const [chart, report] = await Promise.all([command(words("run --chart")), command(["run"])]);
    expect(chart.stdout.split("\n").slice(0, 7)).toEqual(report.stdout.split("\n").slice(0, 7));
  });

  test("shows names that would steer a terminal as text", () => {
    const given = scenario();
    const named = { ...given, model: { ...given.model, name: "evil\u001b[31m\u202e" } };
    const text = runChart([simulate(named)], look);
    for (const character of ["\u001b", "\u202e"]) expect(text).not.toContain(character);
  });
});

describe("a canvas", () => {
  test("draws a level line as one row of dots, dashed where it is asked to", () => {
    const drawing = canvas(10, 2, true);
    drawing.line({ x: 0, y: 0 }, { x: 79, y: 0 }, 1);
    expect(drawing.rows()[0]).toBe("⠉".repeat(10));
    const dashed = canvas(10, 1, true);
    dashed.line({ x: 0, y: 0 }, { x: 79, y: 0 }, 2);
    expect(dashed.rows()[0]!.length).toBeGreaterThan(4);
    expect(dashed.rows()[0]).toContain(" ");
  });

  test("keeps what is outside out", () => {
    const drawing = canvas(4, 2, true);
    drawing.put("abcdef", 2, 0);
    drawing.put("xyz", -1, 1);
    drawing.put("below", 0, 5);
    drawing.line({ x: -100, y: -100 }, { x: 500, y: 500 }, 1);
    expect(drawing.rows()).toHaveLength(2);
    for (const row of drawing.rows()) expect([...row].length).toBeLessThanOrEqual(4);
  });

  test("later text covers earlier text", () => {
    const drawing = canvas(6, 1, false);
    drawing.put("aaaaaa", 0, 0);
    drawing.put("bb", 2, 0);
    expect(drawing.rows()).toEqual(["aabbaa"]);
  });
});
