import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Point, WHAT_IF_FLAGS } from "../../../src/ask/flags.ts";
import { scenarioAt } from "../../../src/ask/scenario-at.ts";
import { goTo, withControl, withSlider } from "../../../src/browser/changes.ts";
import { evaluate, slowAnswers, spaceOf } from "../../../src/browser/evaluate.ts";
import { commandLine, scenarioJson } from "../../../src/report/page/command.ts";
import { SLIDERS } from "../../../src/report/page/controls.ts";
import type { PageState } from "../../../src/report/page/data.ts";
import { fragmentOf, stateOf } from "../../../src/report/page/fragment.ts";
import type { Claims } from "../../../src/schema/claims.ts";
import type { Result } from "../../../src/schema/result.ts";
import { command, words } from "../../support/command.ts";
import { runs } from "../../support/length.ts";
import { pageData, pageScenario } from "../../support/page.ts";

const data = pageData({
  scenarios: [
    pageScenario(),
    pageScenario({
      reference: "my scenario's.json",
      point: { hidden: 2048, "sequence-parallel": true },
      settings: [{ path: ["workload", "batch"], value: 2 }],
    }),
  ],
});

/** Any view that the controls can make. */
const anyPoint: fc.Arbitrary<Point> = fc
  .record(
    {
      model: fc.constantFrom(...Object.keys(data.models)),
      hardware: fc.constantFrom(...Object.keys(data.devices)),
      phase: fc.constantFrom("prefill", "decode", "train"),
      batch: fc.integer({ min: 1, max: 64 }),
      hidden: fc.integer({ min: 4, max: 160 }).map((steps) => steps * 64),
      norm: fc.constantFrom("layernorm:eager", "rmsnorm:fused", "rmsnorm:residual-fused", "layernorm:native"),
      pointwise: fc.constantFrom("eager", "fused"),
      attention: fc.constantFrom("flash", "materialized"),
      runtime: fc.constantFrom("graph", "eager"),
      precision: fc.constantFrom("bf16", "fp16", "fp32"),
      "tensor-parallel": fc.constantFrom(1, 2, 4),
    },
    { requiredKeys: [] },
  )
  .map((point) => point as Point);

const shipped = (point: Point): PageState => ({ scenario: 0, point });

/** What the command prints, or what it says is wrong. */
async function asCommand(line: readonly string[], stdin = ""): Promise<Result | string> {
  const { code, stdout, stderr } = await command(line, { stdin });
  return code === 0 ? (JSON.parse(stdout) as Result) : stderr;
}

describe("a view's numbers", () => {
  test("are those that its command line prints", async () => {
    await fc.assert(
      fc.asyncProperty(anyPoint, async (point) => {
        const { result, problems } = evaluate(data, shipped(point));
        const [, ...line] = words(commandLine(data, shipped(point)));
        const printed = await asCommand([...line, "--json"]);
        if (result === undefined) {
          expect(printed).toBeTypeOf("string");
          for (const problem of problems) expect(printed).toContain(problem);
        } else {
          expect(JSON.parse(JSON.stringify(result))).toEqual(printed);
        }
      }),
      { numRuns: 40 },
    );
  });

  test("are those of its scenario file", async () => {
    await fc.assert(
      fc.asyncProperty(anyPoint, async (point) => {
        const { result } = evaluate(data, shipped(point));
        if (result === undefined) return;
        const printed = (await asCommand(["run", "-", "--json"], scenarioJson(data, result))) as Result;
        expect(printed.layer).toEqual(result.layer);
        expect(printed.operators).toEqual(result.operators);
        expect(printed.alternatives).toEqual(result.alternatives);
      }),
      { numRuns: 40 },
    );
  });

  test("have the verdicts and the places of the claims command", async () => {
    const points = [{ hidden: 1024, norm: "layernorm:eager" }, {}, { phase: "decode" }];
    for (const point of points.slice(0, runs(1, 3))) {
      const state = shipped(point);
      const [, , ...line] = words(commandLine(data, state));
      const { stdout } = await command(["claims", ...line, "--json"]);
      expect(JSON.parse(JSON.stringify(slowAnswers(data, state).claims))).toEqual(
        (JSON.parse(stdout) as Claims).claims,
      );
    }
  });

  test("reach 25% where solve finds it", async () => {
    const { reaches } = slowAnswers(data, shipped({}));
    const eager = reaches.find(({ norm }) => norm.implementation === "eager")!;
    const { stdout } = await command(
      words("solve --target normalization.shareOfTime=25% --vary hidden --norm layernorm:eager --json"),
    );
    const solution = JSON.parse(stdout) as { crossings: { value: number; before: { parameter: number } }[] };
    expect(eager.crossings.map(({ after }) => after.x)).toEqual(solution.crossings.map(({ value }) => value));
    expect(eager.crossings.map(({ before }) => before.x)).toEqual(
      solution.crossings.map(({ before }) => before.parameter),
    );
  });

  test("at the place that the page leads to are at least 25%", () => {
    const [crossing] = slowAnswers(data, shipped({})).reaches.find(
      ({ norm }) => norm.implementation === "eager",
    )!.crossings;
    const there = goTo(data, shipped({}), crossing!.before.x, "layernorm:eager");
    expect(evaluate(data, there).result!.normalization.shareOfTime).toBeGreaterThanOrEqual(0.25);
  });
});

describe("a command line", () => {
  test("of the opening view names the scenario alone", () => {
    expect(commandLine(data, stateOf(data, ""))).toBe("norm-roofline run llama-3-70b-prefill-h100");
  });

  test("quotes what a shell would take apart, and repeats the settings", () => {
    expect(commandLine(data, { scenario: 1, point: { hidden: 4096, "sequence-parallel": true } })).toBe(
      "norm-roofline run 'my scenario'\\''s.json' --hidden 4096 --sequence-parallel --set workload.batch=2",
    );
  });
});

describe("a fragment", () => {
  test("leads back to its view", () => {
    fc.assert(
      fc.property(anyPoint, fc.constantFrom(0, 1), (point, scenario) => {
        const state = { scenario, point };
        expect(stateOf(data, fragmentOf(data, state))).toEqual(state);
      }),
    );
  });

  test("of the opening view is empty", () => {
    expect(fragmentOf(data, stateOf(data, ""))).toBe("");
    expect(fragmentOf(data, { scenario: 1, point: { hidden: 2048 } })).not.toBe("");
  });

  test("that somebody made up gives a view or a problem, never an exception", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            fc.oneof(
              fc.constantFrom("model", "hidden", "norm", "scenario", "__proto__", "batch", "phase"),
              fc.string(),
            ),
            fc.oneof(
              fc.constantFrom("1e9", "-1", "0", "constructor", "__proto__", "%E0%A4%A", "99999999999"),
              fc.string(),
            ),
          ),
        ),
        (pairs) => {
          const state = stateOf(data, `#${pairs.map((pair) => pair.join("=")).join("&")}`);
          const { result, problems } = evaluate(data, state);
          expect(result === undefined ? problems.length : 0).toBe(problems?.length ?? 0);
          // a value may be any text, a name only a flag's
          const flags: readonly string[] = WHAT_IF_FLAGS.map(({ name }) => name);
          expect(Object.keys(state.point).filter((name) => !flags.includes(name))).toEqual([]);
          expect(Object.getPrototypeOf(state.point)).toBe(Object.prototype);
        },
      ),
    );
  });

  test("tells two scenarios of one name apart", () => {
    const twice = pageData({ scenarios: [pageScenario(), pageScenario({ point: { batch: 2 } })] });
    const state = { scenario: 1, point: { batch: 4 } };
    expect(stateOf(twice, fragmentOf(twice, state))).toEqual(state);
  });
});

describe("a control", () => {
  const opening = stateOf(data, "");
  const point = (name: string, value: string, from: Point = {}): Point =>
    withControl(data, { ...opening, point: from }, name, value).point;

  test("adds its flag, and takes it away where the scenario says the same", () => {
    expect(point("batch", "8")).toEqual({ batch: 8 });
    expect(point("batch", "1", { batch: 8 })).toEqual({});
    expect(point("phase", "decode")).toEqual({ phase: "decode" });
    expect(point("runtime", "graph", { runtime: "eager" })).toEqual({});
    expect(point("model", "llama-3-70b", { model: "gpt2-xl" })).toEqual({});
  });

  test("for the norm names what was chosen of it, and keeps what was chosen before", () => {
    expect(point("norm-kind", "rmsnorm")).toEqual({ norm: "rmsnorm" });
    expect(point("norm-implementation", "eager")).toEqual({ norm: ":eager" });
    expect(point("norm-kind", "rmsnorm", { norm: ":eager" })).toEqual({ norm: "rmsnorm:eager" });
    expect(point("norm-implementation", "eager", { norm: "rmsnorm:native" })).toEqual({
      norm: "rmsnorm:eager",
    });
    expect(point("norm-kind", "layernorm", { norm: "rmsnorm:native" })).toEqual({});
  });

  test("that chooses a model takes its norm, unless one was chosen", () => {
    const kindOf = (given: Point) =>
      scenarioAt(spaceOf(data, { scenario: 0, point: given })).normalization.kind;
    expect(kindOf({})).toBe("layernorm");
    expect(kindOf(point("model", "llama-3-8b"))).toBe("rmsnorm");
    expect(kindOf(point("model", "llama-3-8b", point("norm-implementation", "fused")))).toBe("rmsnorm");
    expect(kindOf(point("model", "gpt2-xl", point("norm-kind", "rmsnorm")))).toBe("rmsnorm");
    expect(kindOf(point("model", "llama-3-70b", { model: "llama-3-8b" }))).toBe("layernorm");
  });

  test("that chooses a model takes the model's sizes", () => {
    expect(point("model", "gpt2-xl", { hidden: 1024, batch: 2 })).toEqual({ model: "gpt2-xl", batch: 2 });
  });

  test("that changes the phase lets the lengths follow", () => {
    expect(point("phase", "train", { sequence: 512, context: 64 })).toEqual({ phase: "train" });
  });

  test("that chooses a device without the type takes a type that it has, and gives it back", () => {
    const volta = point("hardware", "v100-sxm2-32gb");
    expect(volta).toEqual({ hardware: "v100-sxm2-32gb", precision: "fp16" });
    expect(point("hardware", "h100-sxm", volta)).toEqual({});
  });

  test("left empty is a problem, not a crash", () => {
    expect(evaluate(data, withControl(data, opening, "batch", "")).problems).toEqual([
      "batch: expected a whole number of at least 1, got nothing",
    ]);
  });

  test("of any kind leads to a layer or to a reason, from any view", () => {
    const names = [
      "model",
      "hardware",
      "phase",
      "norm-kind",
      "norm-implementation",
      "batch",
      "hidden",
      "precision",
    ];
    const values: Record<string, readonly string[]> = {
      model: Object.keys(data.models),
      hardware: Object.keys(data.devices),
      phase: ["prefill", "decode", "train"],
      "norm-kind": ["layernorm", "rmsnorm"],
      "norm-implementation": ["eager", "fused", "folded"],
      batch: ["1", "64", "0", "x"],
      hidden: ["512", "8192", "1"],
      precision: ["bf16", "fp32"],
    };
    const anyMove = fc
      .constantFrom(...names)
      .chain((name) => fc.tuple(fc.constant(name), fc.constantFrom(...values[name]!)));
    fc.assert(
      fc.property(fc.array(anyMove, { maxLength: 6 }), (moves) => {
        const state = moves.reduce((now, [name, value]) => withControl(data, now, name, value), opening);
        const { result, problems } = evaluate(data, state);
        expect(result === undefined).toBe((problems ?? []).length > 0);
      }),
      { numRuns: 60 },
    );
  });
});

describe("a slider", () => {
  test.each(SLIDERS.map(({ name }) => name))("of %s never stands still", (name) => {
    const state = stateOf(data, "");
    let before = Number.NEGATIVE_INFINITY;
    for (let position = 0; position < 40; position++) {
      const { scenario } = evaluate(data, withSlider(data, state, name, position)).result!;
      const now = name === "hidden" ? scenario.model.hidden : scenario.workload[name];
      expect(now).toBeGreaterThan(before);
      before = now;
    }
  });
});
