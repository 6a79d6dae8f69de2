import type { Calibration, Parameter } from "../schema/calibration.ts";
import type { Hardware } from "../schema/hardware.ts";
import { type ParameterPath, replaceParameters } from "./parameters.ts";
import { START_CALIBRATION, START_DEVICE } from "./start.ts";

/** What of a device a calibration scales with. */
interface Scale {
  readonly computeUnits: number;
  readonly clockHz: number;
  readonly l2Bytes: number;
  readonly matmulFlopsPerSecond: number;
}

function scaleOf(hardware: Hardware): Scale {
  const peak = hardware.peakFlopsPerSecond;
  return {
    computeUnits: hardware.computeUnits,
    clockHz: hardware.boostClockHz ?? START_DEVICE.boostClockHz,
    l2Bytes: hardware.l2Bytes,
    matmulFlopsPerSecond: peak.bf16 ?? peak.fp16 ?? peak.fp32Vector,
  };
}

const START_SCALE: Scale = {
  computeUnits: START_DEVICE.computeUnits,
  clockHz: START_DEVICE.boostClockHz,
  l2Bytes: START_DEVICE.l2Bytes,
  matmulFlopsPerSecond: START_DEVICE.bf16,
};

/** The starting calibration, scaled to a device; every parameter is marked assumed. */
export function startingCalibration(hardware: Hardware): Calibration {
  return replaceParameters(START_CALIBRATION, (path, parameter) => ({
    ...parameter,
    value: scaled(path, parameter.value, START_SCALE, scaleOf(hardware)),
  }));
}

/** One device's calibration carried over to another of similar make; every parameter says from where and how. */
export function transferCalibration(
  from: Hardware & { calibration: Calibration },
  to: Hardware,
): Calibration {
  return replaceParameters(from.calibration, (path, parameter): Parameter => {
    const value = scaled(path, parameter.value, scaleOf(from), scaleOf(to));
    return {
      value: Number(value.toPrecision(4)),
      origin: "transferred",
      source: `from ${from.name}: ${ruleOf(path).description}`,
    };
  });
}

interface Rule {
  readonly description: string;
  readonly factor: (from: Scale, to: Scale) => number;
}

const RULES = {
  same: { description: "unchanged", factor: () => 1 },
  latency: {
    description: "scaled by the clock, as latencies are cycles",
    factor: (from, to) => from.clockHz / to.clockHz,
  },
  issue: {
    description: "scaled by processors times clock, as issue slots are",
    factor: (from, to) => (from.computeUnits * from.clockHz) / (to.computeUnits * to.clockHz),
  },
  cacheSize: {
    description: "scaled by the size of the L2",
    factor: (from, to) => to.l2Bytes / from.l2Bytes,
  },
  cacheRate: {
    description: "scaled by processors times clock",
    factor: (from, to) => (to.computeUnits * to.clockHz) / (from.computeUnits * from.clockHz),
  },
  matmulSize: {
    description: "scaled by the matmul peak",
    factor: (from, to) => to.matmulFlopsPerSecond / from.matmulFlopsPerSecond,
  },
} as const satisfies Record<string, Rule>;

function ruleOf(path: ParameterPath): Rule {
  if (["launch.", "host.", "network."].some((group) => path.startsWith(group))) return RULES.same;
  if (path === "cache.bytesPerSecond") return RULES.cacheRate;
  if (path.startsWith("cache.") || path.includes(".reread")) return RULES.cacheSize;
  if (path === "matmul.sustainedFlops") return RULES.matmulSize;
  if (/[sS]econdsPerElement|\.blockSeconds/.test(path)) return RULES.issue;
  if (/[sS]econds/.test(path)) return RULES.latency;
  return RULES.same;
}

const scaled = (path: ParameterPath, value: number, from: Scale, to: Scale): number =>
  value * ruleOf(path).factor(from, to);
