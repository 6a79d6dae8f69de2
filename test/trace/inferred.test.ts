import { expect, test } from "vitest";
import { kinetoReader } from "../../src/io/kineto.ts";
import { resolveScenario } from "../../src/schema/resolve.ts";
import { ScenarioFileSchema } from "../../src/schema/scenario.ts";
import { servingStep } from "../../src/trace/serving-step.ts";
import { answerOf, RUNS } from "./fixtures.ts";

test.each(RUNS)("phase, batch and lengths are those that ran: $trace", (run) => {
  const { phase, batch, sequence, context, layers } = answerOf(run.trace).inferred;
  expect({ phase, batch, sequence, layers }).toEqual({
    phase: run.phase,
    batch: run.batch,
    sequence: run.sequence,
    layers: run.layers,
  });
  // the new token attends to itself too; a graph's kernels tell no lengths
  const attended = run.phase === "decode" ? run.context + 1 : run.context;
  expect(context).toBe(run.mode === "compile-static" ? null : attended);
});

test.each(RUNS.filter(({ mode, trace }) => mode !== "compile-static" && !/mixtral/.test(trace)))(
  "the scenario that ran is one that can be run: $trace",
  ({ trace, batch }) => {
    const { scenario } = answerOf(trace);
    const file = ScenarioFileSchema.parse(scenario);
    expect(file.workload.batch).toBe(batch);
    if (typeof file.model === "string" || typeof file.hardware === "string") throw new Error("names");
    expect(resolveScenario(file, file.model, file.hardware).problems).toBeUndefined();
  },
);

test("a layer of Llama 3 70B has its sizes, and its matmuls are predicted near what they took", () => {
  const { inferred, operators } = answerOf("llama-3-70b-prefill-1x4096-eager-bf16.json.gz");
  expect(inferred).toMatchObject({
    hidden: 8192,
    heads: 64,
    kvHeads: 8,
    headDim: 128,
    ffn: 28672,
    vocabulary: 128256,
  });
  for (const { name, measuredSeconds, predictedSeconds } of operators) {
    expect(predictedSeconds! / measuredSeconds, name).toBeGreaterThan(0.7);
    expect(predictedSeconds! / measuredSeconds, name).toBeLessThan(1.4);
  }
});

test("experts are not taken for a dense layer: there is no scenario", () => {
  const { scenario, inferred } = answerOf("mixtral-8x7b-prefill-1x2048-eager-bf16.json.gz");
  expect(scenario).toBeNull();
  expect(inferred.ffn).toBeNull();
});

const named = (name: string) => {
  const reader = kinetoReader();
  const event = { ph: "X", cat: "user_annotation", name, ts: 1, dur: 1, pid: 1, tid: 1 };
  reader.push(Buffer.from(JSON.stringify({ traceEvents: [event] })));
  return servingStep(reader.profile().operators);
};

test("serving engines say in an annotation what a step is", () => {
  expect(named("step[DECODE bs=32]")).toMatchObject({ phase: "decode", batch: 32 });
  expect(named("execute_32_context_0(sq0sk0sqsq0sqsk0)_generation_32(sq32sk64000sqsq32sqsk64000)")).toEqual({
    phase: "decode",
    batch: 32,
    context: 2000,
  });
  expect(named("execute_3_context_3(sq9sk9sqsq0sqsk0)_generation_0(sq0sk0sqsq0sqsk0)")?.phase).toBe(
    "prefill",
  );
  expect(named("forward")).toBeUndefined();
});
