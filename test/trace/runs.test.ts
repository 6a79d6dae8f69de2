import { expect, test } from "vitest";
import { TraceSchema } from "../../src/schema/trace.ts";
import { answerOf, RUNS, type Run, traceText } from "./fixtures.ts";

const hooked = RUNS.filter((run) => run.norm_share_of_kernel_time !== undefined);

/** How far one step is off hooks in another run, points; at batch 1 hooks slow the norms themselves down. */
const points = (run: Run): number =>
  100 * Math.abs(answerOf(run.trace).normalization.shareOfKernelTime - run.norm_share_of_kernel_time!);

test.each(RUNS)("kernel time is the sum of the device events: $trace", ({ trace, kernel_us }) => {
  const { step } = answerOf(trace);
  const { traceEvents } = JSON.parse(traceText(trace).toString()) as {
    traceEvents: { cat: string; dur: number }[];
  };
  const events = traceEvents.filter(({ cat }) => ["kernel", "gpu_memcpy", "gpu_memset"].includes(cat));
  expect(1e6 * step.kernelSeconds).toBeCloseTo(
    events.reduce((sum, { dur }) => sum + dur, 0),
    3,
  );
  expect(step.kernels).toBe(events.length);
  expect(1e6 * step.kernelSeconds).toBeGreaterThan(0.95 * kernel_us);
  expect(1e6 * step.kernelSeconds).toBeLessThan(1.05 * kernel_us);
});

test.each(hooked)("the norm's kernels are those that hooks saw: $trace", (run) => {
  const { norms } = answerOf(run.trace);
  const kernels = (direction: string): number =>
    norms.filter((norm) => norm.direction === direction).reduce((sum, norm) => sum + norm.kernels, 0);
  expect(kernels("forward")).toBe(run.norm_forward_kernels);
  expect(kernels("backward")).toBe(run.norm_backward_kernels);
});

test.each(hooked)("normalization's share is that of hooks: $trace", (run) => {
  expect(points(run)).toBeLessThan(run.batch === 1 && run.phase === "decode" ? 1.5 : 0.6);
});

test("normalization's share is 0.3 points off hooks in the median", () => {
  const sorted = hooked.map(points).sort((a, b) => a - b);
  expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThan(0.3);
});

test.each(RUNS)("less than 2% of the kernel time is unknown: $trace", ({ trace }) => {
  const { unknown, step } = answerOf(trace);
  expect(unknown.seconds).toBeLessThan(0.02 * step.kernelSeconds);
});

test.each(RUNS)("classes add up to the kernel time, and norms to their class: $trace", ({ trace }) => {
  const { classes, step, norms, normalization } = answerOf(trace);
  const sum = (values: readonly { seconds: number }[]): number =>
    values.reduce((total, { seconds }) => total + seconds, 0);
  expect(sum(classes)).toBeCloseTo(step.kernelSeconds, 9);
  expect(sum(norms)).toBeCloseTo(normalization.seconds, 9);
  expect(classes.find((one) => one.class === "normalization")?.seconds).toBeCloseTo(normalization.seconds, 9);
});

test.each(RUNS)("the answer is as its schema says: $trace", ({ trace }) => {
  expect(TraceSchema.safeParse(answerOf(trace)).error).toBeUndefined();
});

test("compiled norms say what else is in their kernels", () => {
  const { norms } = answerOf("llama-3-70b-prefill-1x4096-compile-bf16.json.gz");
  expect(norms.map(({ count, fusedWith }) => [count, fusedWith])).toEqual(
    expect.arrayContaining([
      [3, ["residual add", "embedding"]],
      [1, ["residual add"]],
      [1, ["embedding"]],
    ]),
  );
  expect(norms.every(({ rows, columns }) => rows === 4096 && columns === 8192)).toBe(true);
});

test("kernels of a graph have names and no shapes: what these would tell is null", () => {
  const { norms } = answerOf("llama-3.2-1b-decode-16x2048-compile-static-bf16.json.gz");
  expect(norms.reduce((sum, { count }) => sum + count, 0)).toBe(33);
  expect(norms.every(({ rows, columns, bytes }) => rows === null && columns === null && bytes === null)).toBe(
    true,
  );
});

test("norms over heads are told from those over the hidden width", () => {
  const { norms } = answerOf("qwen3-8b-prefill-2x1536-eager-bf16.json.gz");
  expect(norms.map(({ rows, columns, count }) => [rows, columns, count])).toEqual([
    [3072, 4096, 13],
    [3072 * 32, 128, 6],
    [3072 * 8, 128, 6],
  ]);
});

test("op-by-op norms would save most of their time by one kernel, with the prediction's error", () => {
  const { savings, normalization } = answerOf("llama-3.2-1b-train-4x1024-eager-bf16.json.gz");
  const [best] = savings;
  expect(best).toMatchObject({ change: "rmsnorm:fused", resolved: true });
  expect(best!.savedSeconds).toBeGreaterThan(0.8 * normalization.seconds);
  expect(best!.savedSeconds).toBeLessThan(normalization.seconds);
  expect(best!.errorShareOfKernelTime).toBeGreaterThan(0);
});
