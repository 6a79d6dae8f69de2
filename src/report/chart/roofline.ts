import type { Hardware } from "../../schema/hardware.ts";
import { matmulPeak, peakFlopsFor } from "../../schema/peaks.ts";
import type { OperatorResult, Result } from "../../schema/result.ts";

/** Where a limit comes from: the datasheet, or what the calibration says that kernels reach. */
export type Origin = "datasheet" | "achievable";

/** A horizontal limit: the rate of the units that compute in some types. */
export interface Roof {
  readonly name: string;
  readonly flopsPerSecond: number;
  readonly origin: Origin;
  /** the roof of the scenario's matmuls */
  readonly isMain: boolean;
}

/** A sloped limit: what a memory delivers. */
export interface Slope {
  readonly name: "HBM" | "L2";
  readonly bytesPerSecond: number;
  readonly origin: Origin;
}

/** Where a slope meets the main roof. */
export interface Ridge {
  readonly flopsPerByte: number;
  readonly flopsPerSecond: number;
  readonly origin: Origin;
}

/** An operator on the chart. */
export interface Dot extends Pick<OperatorResult, "name" | "class" | "bound" | "seconds" | "shareOfTime"> {
  readonly flopsPerByte: number;
  readonly flopsPerSecond: number;
}

/** A roofline chart in the units of its axes: FLOP per HBM byte, FLOP per second. */
export interface Roofline {
  readonly slopes: readonly Slope[];
  readonly roofs: readonly Roof[];
  readonly ridges: readonly Ridge[];
  readonly dots: readonly Dot[];
  /** operators without FLOPs, HBM bytes or time: a logarithm has no place for them */
  readonly offChart: readonly OperatorResult[];
}

export function roofline(result: Result): Roofline {
  const { hardware, precision } = result.scenario;
  const isPlaced = (one: OperatorResult): boolean =>
    one.arithmeticIntensity > 0 && one.flops > 0 && one.seconds > 0;
  const roofs = [...datasheetRoofs(hardware, precision.activations), ...sustainedRoof(result)];
  const slopes = slopesOf(hardware);
  return {
    slopes,
    roofs,
    ridges: ridgesOf(slopes, roofs),
    dots: result.operators.filter(isPlaced).map(dot),
    offChart: result.operators.filter((one) => !isPlaced(one)),
  };
}

const dot = (operator: OperatorResult): Dot => ({
  name: operator.name,
  class: operator.class,
  bound: operator.bound,
  seconds: operator.seconds,
  shareOfTime: operator.shareOfTime,
  flopsPerByte: operator.arithmeticIntensity,
  flopsPerSecond: operator.flops / operator.seconds,
});

type DataType = Result["scenario"]["precision"]["activations"];

/** One roof for all types of the same rate. */
function datasheetRoofs(hardware: Hardware, main: DataType): Roof[] {
  const byRate = new Map<number, string[]>();
  for (const [type, rate] of Object.entries(hardware.peakFlopsPerSecond)) {
    if (rate === undefined) continue;
    byRate.set(rate, [...(byRate.get(rate) ?? []), type === "fp32Vector" ? "fp32 vector" : type]);
  }
  const mainRate = peakFlopsFor(hardware, main);
  return [...byRate]
    .map(
      ([flopsPerSecond, types]): Roof => ({
        name: types.reverse().join(", "),
        flopsPerSecond,
        origin: "datasheet",
        isMain: flopsPerSecond === mainRate,
      }),
    )
    .sort((a, b) => b.flopsPerSecond - a.flopsPerSecond);
}

/** What long matmuls reach once the clock has fallen to the power limit. */
function sustainedRoof({ scenario: { hardware, precision } }: Result): Roof[] {
  const matmul = hardware.calibration?.matmul;
  const peak = matmulPeak(hardware, precision.activations);
  if (matmul === undefined || peak === undefined) return [];
  const share = matmul.peakFraction.value * (1 - matmul.sustainedLoss.value);
  return [{ name: "sustained", flopsPerSecond: peak * share, origin: "achievable", isMain: true }];
}

function slopesOf({ hbmBytesPerSecond, calibration }: Hardware): Slope[] {
  const datasheet: Slope = { name: "HBM", bytesPerSecond: hbmBytesPerSecond, origin: "datasheet" };
  if (calibration === undefined) return [datasheet];
  const streaming = hbmBytesPerSecond * calibration.memory.streamingFraction.value;
  return [
    datasheet,
    { name: "HBM", bytesPerSecond: streaming, origin: "achievable" },
    { name: "L2", bytesPerSecond: calibration.cache.bytesPerSecond.value, origin: "achievable" },
  ];
}

function ridgesOf(slopes: readonly Slope[], roofs: readonly Roof[]): Ridge[] {
  return (["datasheet", "achievable"] as const).flatMap((origin) => {
    const slope = slopes.find((one) => one.name === "HBM" && one.origin === origin);
    const roof = roofs.find((one) => one.isMain && one.origin === origin);
    if (slope === undefined || roof === undefined) return [];
    const { flopsPerSecond } = roof;
    return [{ flopsPerByte: flopsPerSecond / slope.bytesPerSecond, flopsPerSecond, origin }];
  });
}
