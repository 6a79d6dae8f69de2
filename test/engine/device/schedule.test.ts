import { describe, expect, test } from "vitest";
import { boundOf, schedule } from "../../../src/engine/device/schedule.ts";
import { timing } from "../../../src/engine/device/timing.ts";
import type { CalibrationValues } from "../../../src/schema/calibration.ts";

const kernel = (seconds: number) => timing(seconds, { memory: seconds });
const calibration = {
  launch: { gapSeconds: 1, streamGapSeconds: 2, graphStartSeconds: 10 },
  host: { secondsPerKernel: 5, backwardSecondsPerKernel: 7, stepSeconds: 100 },
} as CalibrationValues;
const seconds = (slots: readonly { seconds: number }[]): number[] => slots.map((slot) => slot.seconds);
const none = Number.POSITIVE_INFINITY;

describe("a graph", () => {
  test("leaves a gap before each kernel", () => {
    expect(seconds(schedule([kernel(3), kernel(4)], none, "graph", calibration))).toEqual([4, 5]);
  });

  test("is latency-bound where gap and floor outlast the data", () => {
    const [, second] = schedule([kernel(9), kernel(0.5)], none, "graph", calibration);
    expect(second?.bound).toBe("latency");
  });
});

describe("an eager inference layer among others", () => {
  test("costs what the host needs when the device waits for it", () => {
    const slots = schedule([kernel(1), kernel(1)], none, "eager", calibration);
    expect(seconds(slots).reduce((a, b) => a + b)).toBe(10);
    expect(slots.map((slot) => slot.bound)).toEqual(["host", "host"]);
  });

  test("costs what the device needs when the host is ahead", () => {
    const slots = schedule([kernel(50), kernel(60)], none, "eager", calibration);
    expect(seconds(slots)).toEqual([52, 62]);
    expect(slots.map((slot) => slot.bound)).toEqual(["memory", "memory"]);
  });

  test("hides launches of small kernels behind a large one before them", () => {
    const slots = schedule([kernel(100), kernel(1), kernel(1)], none, "eager", calibration);
    expect(seconds(slots)).toEqual([102, 3, 3]);
  });
});

describe("an eager training step", () => {
  test("starts idle and issues its backward kernels at autograd's pace", () => {
    expect(seconds(schedule([kernel(1), kernel(1), kernel(1)], 1, "eager", calibration))).toEqual([6, 7, 7]);
  });
});

describe("a training step without a backward kernel", () => {
  test("pays for no start: what an inference layer costs", () => {
    const plain = seconds(schedule([kernel(1), kernel(1)], none, "eager", calibration));
    expect(seconds(schedule([kernel(1), kernel(1)], 2, "eager", calibration))).toEqual(plain);
  });
});

describe("without a calibration", () => {
  test("kernels take their own time and nothing else", () => {
    expect(seconds(schedule([kernel(3), kernel(4)], none, "eager", undefined))).toEqual([3, 4]);
  });
});

describe("the bound", () => {
  test("is the largest term", () => {
    expect(boundOf(timing(1, { compute: 3, memory: 2 }).terms)).toBe("compute");
    expect(boundOf(timing(1, { cache: 3, memory: 2 }).terms)).toBe("cache");
    expect(boundOf(timing(1, { network: 3, memory: 2 }).terms)).toBe("network");
  });

  test("of nothing at all is memory", () => {
    expect(boundOf(timing(0, {}).terms)).toBe("memory");
  });
});
