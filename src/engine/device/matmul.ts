import type { CalibrationValues } from "../../schema/calibration.ts";
import { peakFlopsFor, peakName } from "../../schema/peaks.ts";
import type { DataType } from "../../schema/vocabulary.ts";
import { type Kernel, readBytes, writeBytes } from "../layer/kernel.ts";
import type { Device } from "./device.ts";
import type { Formula, Law, WorkOf } from "./law.ts";
import { power, softMaximum } from "./math.ts";
import { groupedPadding, tilePadding } from "./matmul-tiles.ts";
import { streamingLines, streamingSeconds } from "./streaming.ts";
import { timing } from "./timing.ts";

type Matmul = WorkOf<"matmul">;
type MatmulParameters = CalibrationValues["matmul"];

/** The pipeline that a matmul fills is never deeper than this many elements of the inner dimension. */
const DEEPEST_INNER = 4096;

/**
 * A matmul: floor and pipeline fill, then the soft maximum of tensor-core and memory time. Long matmuls draw the full
 * board power and the clock falls (`sustainedClock`).
 */
export const matmul: Law<Matmul> = {
  time(kernel, traffic, device, note) {
    const { flops, work } = kernel;
    const c = device.calibration!;
    const { floorSeconds, softness } = work.grouped ? c.experts : c.matmul;
    const peak = peakFlopsFor(device.hardware, work.dataType);
    const clock = sustainedClock(flops, c.matmul);
    const padding = paddingOf(work, device.hardware.computeUnits);
    const backward = work.gradient ? c.matmul.backwardFraction : 1;
    const rate = peak * c.matmul.peakFraction * clock * speedOf(work, c) * backward;
    const compute = (flops * padding) / rate;
    const { memory, cache } = streamingSeconds(traffic, device, c.memory.weightFraction);
    const latency = floorSeconds + c.matmul.secondsPerInner * Math.min(work.k, DEEPEST_INNER);
    const epilogue = c.matmul.epilogueShare * (memory + cache) * outputShare(kernel);
    note?.({ peak, clock, padding, rate, epilogue });
    return timing(latency + softMaximum(softness, compute + epilogue, memory + cache), {
      compute,
      memory,
      cache,
      latency,
    });
  },
  formula,
  constants: { DEEPEST_INNER },
};

function formula(work: Matmul, { hardware }: Device): Formula {
  const p = work.grouped ? "experts" : "matmul";
  const backward = work.gradient ? " * matmul.backwardFraction" : "";
  return [
    ["peak", `hardware.peakFlopsPerSecond.${peakName(hardware, work.dataType)}`],
    [
      "clock",
      "1 - matmul.sustainedLoss / (1 + power(matmul.sustainedFlops / flops, matmul.sustainedExponent))",
    ],
    [
      "padding",
      work.grouped
        ? "groupedPadding(m, n, products, hardware.computeUnits)"
        : "tilePadding(m, n, k, products, hardware.computeUnits)",
    ],
    ["rate", `peak * matmul.peakFraction * clock${speedText(work)}${backward}`],
    ["compute", "flops * padding / rate"],
    ...streamingLines("weightFraction"),
    ["latency", `${p}.floorSeconds + matmul.secondsPerInner * min(k, DEEPEST_INNER)`],
    [
      "epilogue",
      "matmul.epilogueShare * (memory + cache) * (hbmWriteBytes / (hbmWriteBytes + hbmReadBytes))",
    ],
    ["seconds", `latency + softMaximum(${p}.softness, compute + epilogue, memory + cache)`],
  ];
}

/** The share of its peak that a type reaches over that of bf16: libraries keep narrow tensor cores less busy. */
const TYPE_SPEED: Readonly<Partial<Record<DataType, keyof MatmulParameters>>> = {
  fp8: "fp8Speed",
  fp4: "fp8Speed",
  int8: "int8Speed",
};

/** Speed beside that of single products in bf16. */
function speedOf({ dataType, grouped, misaligned }: Matmul, c: CalibrationValues): number {
  const ofType = TYPE_SPEED[dataType];
  const aligned = (ofType === undefined ? 1 : c.matmul[ofType]) * (grouped ? c.experts.speed : 1);
  return misaligned ? aligned * c.matmul.misalignedSpeed : aligned;
}

function speedText({ dataType, grouped, misaligned }: Matmul): string {
  const ofType = TYPE_SPEED[dataType];
  const parts = [
    ...(ofType === undefined ? [] : [`matmul.${ofType}`]),
    ...(grouped ? ["experts.speed"] : []),
    ...(misaligned ? ["matmul.misalignedSpeed"] : []),
  ];
  return parts.map((part) => ` * ${part}`).join("");
}

const paddingOf = ({ m, n, k, products, grouped }: Matmul, units: number): number =>
  grouped ? groupedPadding(m, n, products, units) : tilePadding(m, n, k, products, units);

/** Share of the clock that is left under the power limit after `flops` of back-to-back tensor-core work. */
export function sustainedClock(
  flops: number,
  p: Pick<MatmulParameters, "sustainedLoss" | "sustainedFlops" | "sustainedExponent">,
): number {
  if (flops === 0) return 1;
  return 1 - p.sustainedLoss / (1 + power(p.sustainedFlops / flops, p.sustainedExponent));
}

/** Share of a kernel's bytes that it writes. */
function outputShare(kernel: Kernel): number {
  const written = writeBytes(kernel);
  return written === 0 ? 0 : written / (written + readBytes(kernel));
}
