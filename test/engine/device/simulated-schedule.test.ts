import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { schedule, stepStartSeconds } from "../../../src/engine/device/schedule.ts";
import { timing } from "../../../src/engine/device/timing.ts";
import type { CalibrationValues } from "../../../src/schema/calibration.ts";

/** Times in whole units, so that a clock can tick through them. */
interface Setup {
  readonly seconds: readonly number[];
  readonly gap: number;
  readonly streamGap: number;
  readonly start: number;
  readonly issue: number;
  readonly backwardIssue: number;
  readonly step: number;
}

const setup: fc.Arbitrary<Setup> = fc.record({
  seconds: fc.array(fc.nat(12), { minLength: 1, maxLength: 8 }),
  gap: fc.nat(3),
  streamGap: fc.nat(3),
  start: fc.nat(20),
  issue: fc.nat(9),
  backwardIssue: fc.nat(9),
  step: fc.nat(50),
});

const calibration = (given: Setup): CalibrationValues =>
  ({
    launch: {
      gapSeconds: given.gap,
      streamGapSeconds: given.streamGap,
      graphStartSeconds: given.start,
    },
    host: {
      secondsPerKernel: given.issue,
      backwardSecondsPerKernel: given.backwardIssue,
      stepSeconds: given.step,
    },
  }) as CalibrationValues;

const timings = ({ seconds }: Setup) => seconds.map((value) => timing(value, { memory: value }));
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const times = (given: Setup, runtime: "graph" | "eager", firstBackward = Number.POSITIVE_INFINITY) =>
  schedule(timings(given), firstBackward, runtime, calibration(given)).map(({ seconds }) => seconds);

/** A host and a device, one tick after the other: when does each kernel end? The device may begin busy. */
function tickThrough(given: Setup, busy: number, firstBackward: number): number[] {
  const ends: number[] = [];
  let issued = 0;
  let issuedAt = 0;
  const issuedTimes: number[] = [];
  while (issued < given.seconds.length) {
    issuedAt += issued < firstBackward ? given.issue : given.backwardIssue;
    issuedTimes.push(issuedAt);
    issued += 1;
  }
  let free = busy;
  for (let kernel = 0; kernel < given.seconds.length; kernel++) {
    let now = free + given.streamGap;
    while (now < issuedTimes[kernel]!) now += 1;
    let left = given.seconds[kernel]!;
    while (left > 0) {
      now += 1;
      left -= 1;
    }
    ends.push(now);
    free = now;
  }
  return ends.map((end, index) => end - (ends[index - 1] ?? busy));
}

const law = (check: (given: Setup) => void): void =>
  fc.assert(fc.property(setup, check), { numRuns: 400, seed: 1 });

describe("a graph", () => {
  test("takes every kernel with a gap before it", () => {
    law((given) => {
      expect(times(given, "graph")).toEqual(given.seconds.map((seconds) => seconds + given.gap));
    });
  });

  test("knows no host", () => {
    law((given) => {
      expect(times({ ...given, issue: 99, backwardIssue: 99, streamGap: 99 }, "graph")).toEqual(
        times(given, "graph"),
      );
    });
  });
});

describe("an eager step of training", () => {
  test("is what a clock that ticks through host and device shows", () => {
    fc.assert(
      fc.property(setup, fc.nat(7), (given, at) => {
        const firstBackward = at % given.seconds.length;
        const ticked = tickThrough(given, 0, firstBackward);
        times(given, "eager", firstBackward).forEach((seconds, index) => {
          expect(seconds).toBeCloseTo(ticked[index]!, 6);
        });
      }),
      { numRuns: 400, seed: 1 },
    );
  });
});

describe("an eager layer among others", () => {
  test("is what the clock shows when the device still works on the layer before it", () => {
    law((given) => {
      const alone = tickThrough(given, 0, Number.POSITIVE_INFINITY);
      const busy = Math.max(0, sum(alone) - given.issue * given.seconds.length);
      const ticked = tickThrough(given, busy, Number.POSITIVE_INFINITY);
      times(given, "eager").forEach((seconds, index) => {
        expect(seconds).toBeCloseTo(ticked[index]!, 6);
      });
    });
  });

  test("takes what the fiftieth of a chain of such layers takes", () => {
    law((given) => {
      let host = 0;
      let end = 0;
      let last = 0;
      for (let layer = 0; layer < 50; layer++) {
        const before = end;
        for (const seconds of given.seconds) {
          host += given.issue;
          end = Math.max(host, end + given.streamGap) + seconds;
        }
        last = end - before;
      }
      expect(sum(times(given, "eager"))).toBe(last);
    });
  });

  test("never takes less than its host or its device alone", () => {
    law((given) => {
      const total = sum(times(given, "eager"));
      expect(total).toBeGreaterThanOrEqual(sum(given.seconds) + given.seconds.length * given.streamGap);
      expect(total).toBeGreaterThanOrEqual(given.issue * given.seconds.length);
    });
  });

  test("is not slowed by a faster host, nor by faster kernels", () => {
    law((given) => {
      const total = sum(times(given, "eager"));
      const faster = { ...given, issue: Math.max(0, given.issue - 1) };
      expect(sum(times(faster, "eager"))).toBeLessThanOrEqual(total);
      const shorter = { ...given, seconds: given.seconds.map((one) => Math.max(0, one - 1)) };
      expect(sum(times(shorter, "eager"))).toBeLessThanOrEqual(total);
    });
  });

  test("has no start of its own: what a graph or a step pays for starting is no kernel's", () => {
    law((given) => {
      const values = calibration(given);
      expect(stepStartSeconds("prefill", "eager", values)).toBe(0);
      expect(stepStartSeconds("decode", "eager", values)).toBe(0);
      expect(stepStartSeconds("train", "eager", values)).toBe(given.step);
      for (const phase of ["prefill", "decode", "train"] as const) {
        expect(stepStartSeconds(phase, "graph", values)).toBe(given.start);
        expect(stepStartSeconds(phase, "graph", undefined)).toBe(0);
      }
    });
  });

  test("is host-bound exactly in kernels that the device waits for longer than it works", () => {
    law((given) => {
      const slots = schedule(timings(given), Number.POSITIVE_INFINITY, "eager", calibration(given));
      slots.forEach(({ bound, seconds }, index) => {
        const waited = seconds - given.streamGap - given.seconds[index]!;
        expect(bound === "host").toBe(waited > given.seconds[index]!);
      });
    });
  });
});

describe("without a calibration", () => {
  test("every kernel takes its own time, bound by its largest term", () => {
    law((given) => {
      const slots = schedule(timings(given), 0, "eager", undefined);
      expect(slots).toEqual(
        given.seconds.map((seconds) => ({ seconds, kernelSeconds: seconds, bound: "memory" })),
      );
    });
  });
});
