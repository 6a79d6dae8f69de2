import { START_CALIBRATION } from "../../src/calibration/start.ts";
import { type Device, device } from "../../src/engine/device/device.ts";
import type { Kernel, Work } from "../../src/engine/layer/kernel.ts";
import type { Hardware } from "../../src/schema/hardware.ts";
import { replaceParameters } from "../../src/schema/parameters.ts";

/** A device of round numbers, so that every time can be worked out in one's head. */
const ROUND: Hardware = {
  name: "Round",
  sources: [{ fields: ["all"], source: "made up" }],
  peakFlopsPerSecond: { fp32Vector: 100, fp16: 1000, bf16: 2000 },
  hbmBytesPerSecond: 10,
  hbmBytes: 1e6,
  l2Bytes: 1000,
  computeUnits: 4,
  linkBytesPerSecond: 5,
};

/** What a parameter is where a test does not name it: nothing gained, nothing lost, terms added up. */
function neutral(path: string): number {
  if (/(Fraction|Ratio|Factor|softness|Exponent|[sS]peed)$|fractionHeadDim/.test(path)) return 1;
  return path === "cache.bytesPerSecond" || path.endsWith("rereadFlightBytes") ? 1e30 : 0;
}

/** The round device with a neutral calibration, but for the parameters named. */
export function roundDevice(parameters: Readonly<Record<string, number>> = {}): Device {
  const unknown = new Set(Object.keys(parameters));
  const calibration = replaceParameters(START_CALIBRATION, (path, parameter) => {
    unknown.delete(path);
    return { ...parameter, value: parameters[path] ?? neutral(path) };
  });
  if (unknown.size > 0) throw new Error(`no parameters ${[...unknown].join(", ")}`);
  return device({ ...ROUND, calibration });
}

/** The round device's datasheet alone. */
export const roundDatasheet = (changes: Partial<Hardware> = {}): Device => device({ ...ROUND, ...changes });

/** A kernel of some work; FLOPs and bytes as given. */
export const kernelOf = (work: Work, changes: Partial<Kernel> = {}): Kernel => ({
  name: "test",
  flops: 0,
  reads: [],
  writes: [],
  streamedBytes: 0,
  work,
  ...changes,
});

export const traffic = (hbmBytes: number, l2Bytes = 0) => ({ hbmBytes, l2Bytes });

/** Neither HBM nor L2 asked for anything. */
export const NO_TRAFFIC = traffic(0);
