import { device } from "../engine/device/device.ts";
import { kernelTiming } from "../engine/device/kernel-time.ts";
import { chainTraffic } from "../engine/device/residency.ts";
import type { Kernel } from "../engine/layer/kernel.ts";
import { readBytes, sumOf, writeBytes } from "../engine/layer/kernel.ts";
import {
  type NormPlace,
  type NormSite,
  normalization,
  normalizationBackward,
} from "../engine/layer/normalization.ts";
import type { Hardware } from "../schema/hardware.ts";
import type { NormImplementation, NormKind } from "../schema/vocabulary.ts";
import type { Direction } from "./norm.ts";
import { bytesOf } from "./shapes.ts";

/** One norm as shapes tell it. */
export interface SizedNorm {
  readonly direction: Direction;
  readonly rows: number;
  readonly columns: number;
  readonly dtype: string;
}

const PLACE: NormPlace = {
  name: "norm",
  input: "input",
  output: "output",
  residual: { branch: "branch", stream: "stream" },
  beforeMatmul: true,
};

/** What a kernel before it has just written, in a run that keeps the GPU busy. */
const JUST_WRITTEN = ["input", "branch", "gradient of output", "output gradient"];

function kernelsOf(norm: SizedNorm, kind: NormKind, implementation: NormImplementation): readonly Kernel[] {
  const { rows, columns, dtype, direction } = norm;
  const site: NormSite = { place: PLACE, rows, columns, narrowOutput: false, ranks: 1 };
  const bytes = bytesOf(dtype);
  const style = { kind, implementation, activationBytes: bytes, narrowBytes: bytes, weightBytes: bytes };
  return direction === "forward"
    ? normalization(site, style).kernels
    : normalizationBackward(site, style, { ofOutput: "output gradient" }).kernels;
}

/** What a norm must move at least: what one kernel that keeps its rows reads and writes. */
export const leastBytes = (norm: SizedNorm, kind: NormKind, residual: boolean): number =>
  sumOf(
    kernelsOf(norm, kind, residual ? "residual-fused" : "fused"),
    (kernel) => readBytes(kernel) + writeBytes(kernel),
  );

/** Seconds of a norm's kernels, one after the other; undefined where nobody knows how fast norms are on the device. */
export function predictedSeconds(
  norm: SizedNorm,
  kind: NormKind,
  implementation: NormImplementation,
  hardware: Hardware,
): number | undefined {
  const target = device(hardware);
  if (target.calibration === undefined) return undefined;
  const kernels = kernelsOf(norm, kind, implementation);
  const { traffic } = chainTraffic(kernels, target.calibration.cache, JUST_WRITTEN);
  return sumOf(kernels, (kernel) => kernelTiming(kernel, traffic[kernels.indexOf(kernel)]!, target).seconds);
}

/** Median error of the prediction on sizes that were not fitted, share of 1; undefined where the profile states none. */
export function predictionError(
  { direction }: SizedNorm,
  implementation: NormImplementation,
  hardware: Hardware,
): number | undefined {
  const name =
    direction === "backward"
      ? implementation === "native"
        ? "norm backward"
        : "norm backward, fused"
      : `norm ${implementation === "residual-fused" ? "fused" : implementation}`;
  return hardware.crossValidation?.find((one) => one.name === name)?.medianError;
}
