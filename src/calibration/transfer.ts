import type { Calibration, Parameter } from "../schema/calibration.ts";
import type { Hardware } from "../schema/hardware.ts";
import { type ParameterPath, replaceParameters } from "../schema/parameters.ts";
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
    clockHz: hardware.maxClockHz ?? hardware.boostClockHz ?? START_DEVICE.maxClockHz,
    l2Bytes: hardware.l2Bytes,
    matmulFlopsPerSecond: peak.bf16 ?? peak.fp16 ?? peak.fp32Vector,
  };
}

const START_SCALE: Scale = {
  computeUnits: START_DEVICE.computeUnits,
  clockHz: START_DEVICE.maxClockHz,
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
  readonly carried: (value: number, from: Scale, to: Scale) => number;
}

/** How much the tensor cores of one processor multiply in a clock, within which two devices are of one generation. */
const GENERATION_TOLERANCE = 0.2;

const isSameGeneration = (one: Scale, other: Scale): boolean =>
  Math.abs(flopsPerClock(one) / flopsPerClock(other) - 1) < GENERATION_TOLERANCE;

const flopsPerClock = ({ matmulFlopsPerSecond, computeUnits, clockHz }: Scale): number =>
  matmulFlopsPerSecond / (computeUnits * clockHz);

const RULES = {
  same: { description: "unchanged", carried: (value) => value },
  generation: {
    description:
      "unchanged on tensor cores of the same generation, 1 on others: FlashAttention 2 does not use Hopper's instructions",
    carried: (value, from, to) => (isSameGeneration(from, to) ? value : 1),
  },
  latency: {
    description: "scaled by the clock, as latencies are cycles",
    carried: (value, from, to) => value * (from.clockHz / to.clockHz),
  },
  issue: {
    description: "scaled by processors times clock, as issue slots are",
    carried: (value, from, to) =>
      value * ((from.computeUnits * from.clockHz) / (to.computeUnits * to.clockHz)),
  },
  cacheSize: {
    description: "scaled by the size of the L2",
    carried: (value, from, to) => value * (to.l2Bytes / from.l2Bytes),
  },
  cacheRate: {
    description: "scaled by processors times clock",
    carried: (value, from, to) =>
      value * ((to.computeUnits * to.clockHz) / (from.computeUnits * from.clockHz)),
  },
  matmulSize: {
    description: "scaled by the matmul peak",
    carried: (value, from, to) => value * (to.matmulFlopsPerSecond / from.matmulFlopsPerSecond),
  },
} as const satisfies Record<string, Rule>;

function ruleOf(path: ParameterPath): Rule {
  if (["launch.", "host.", "network."].some((group) => path.startsWith(group))) return RULES.same;
  if (path === "attention.flashSpeed") return RULES.generation;
  if (path.startsWith("attention.") && path.endsWith("Seconds")) return RULES.latency;
  if (path === "cache.bytesPerSecond") return RULES.cacheRate;
  if (path.startsWith("cache.") || path.includes(".reread")) return RULES.cacheSize;
  if (path === "matmul.sustainedFlops") return RULES.matmulSize;
  if (/[sS]econdsPerElement|\.blockSeconds/.test(path)) return RULES.issue;
  if (/[sS]econds/.test(path)) return RULES.latency;
  return RULES.same;
}

const scaled = (path: ParameterPath, value: number, from: Scale, to: Scale): number =>
  ruleOf(path).carried(value, from, to);
