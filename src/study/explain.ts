import { byteSteps, flopSteps } from "../explain/counts.ts";
import {
  attentionTimeSteps,
  collectiveTimeSteps,
  columnSumTimeSteps,
  decodeAttentionTimeSteps,
  idealTimingSteps,
  matmulTimeSteps,
  pointwiseTimeSteps,
  quantizeTimeSteps,
  rowInRegistersBackwardTimeSteps,
  rowInRegistersTimeSteps,
  rowPerBlockTimeSteps,
  rowSumTimeSteps,
  selectionTimeSteps,
  softmaxTimeSteps,
} from "../explain/formulas.ts";
import type { Operand, Step, Traced } from "../explain/step.ts";
import { firstBackwardKernel } from "../layer/backward.ts";
import type { Kernel, Operator } from "../layer/kernel.ts";
import { readBytes, writeBytes } from "../layer/kernel.ts";
import { layerOperators } from "../layer/layer.ts";
import { type Device, device } from "../roofline/device.ts";
import { layerTraffic, type Traffic } from "../roofline/residency.ts";
import { boundOf } from "../roofline/schedule.ts";
import type { Timing } from "../roofline/terms.ts";
import type { Parameter } from "../schema/calibration.ts";
import type { Explanation } from "../schema/explanation.ts";
import type { Hardware } from "../schema/hardware.ts";
import type { Scenario } from "../schema/scenario.ts";
import { layerResult } from "../simulate/layer-result.ts";
import { ANSWERED_BY } from "../version.ts";
import { totalSteps } from "./explain-totals.ts";

type ExplainedKernel = Explanation["operators"][number]["kernels"][number];
type ExplainedStep = ExplainedKernel["steps"][number];

/**
 * Every figure of operators (all, or one by name) with its formula, what was put in, and where that comes from; of the
 * whole layer also what its totals are made of. `readFrom` says which files it is from, where somebody knows.
 */
export function explain(
  scenario: Scenario,
  operatorName: string | undefined,
  readFrom?: Explanation["readFrom"],
): Explanation {
  const target = device(scenario.hardware);
  const operators = layerOperators(scenario);
  const traffic = trafficOf(operators, target);
  const result = layerResult(scenario);
  const sources = sourcesOf(target, readFrom?.changed ?? []);
  let next = 0;
  const explained = operators.map((operator, index) => {
    const first = next;
    next += operator.kernels.length;
    const { seconds, bound, flops, hbmReadBytes, hbmWriteBytes, idealSeconds } = result.operators[index]!;
    return {
      name: operator.name,
      class: operator.class,
      flops,
      hbmReadBytes,
      hbmWriteBytes,
      seconds,
      idealSeconds,
      bound,
      kernels: explainKernels(operator, traffic.slice(first, next), target, sources),
      launchSeconds: seconds - kernelSeconds(operator, traffic.slice(first, next), target),
    };
  });
  return {
    ...ANSWERED_BY,
    scenario,
    ...(readFrom === undefined ? {} : { readFrom }),
    operators: explained.filter(({ name }) => operatorName === undefined || name === operatorName),
    totals:
      operatorName === undefined
        ? totalSteps(scenario, result, target).map((step) => explainStep(step, sources))
        : [],
  };
}

function trafficOf(operators: readonly Operator[], target: Device): readonly Traffic[] {
  const kernels = operators.flatMap((operator) => operator.kernels);
  return target.calibration === undefined
    ? kernels.map((kernel) => ({ hbmBytes: readBytes(kernel) + writeBytes(kernel), l2Bytes: 0 }))
    : layerTraffic(kernels, target.calibration.cache, firstBackwardKernel(operators));
}

function kernelSeconds({ kernels }: Operator, traffic: readonly Traffic[], target: Device): number {
  return kernels.reduce(
    (sum, kernel, index) => sum + timingSteps(kernel, traffic[index]!, target).result.seconds,
    0,
  );
}

function explainKernels(
  { kernels }: Operator,
  traffic: readonly Traffic[],
  target: Device,
  sources: SourcesOf,
): ExplainedKernel[] {
  return kernels.map((kernel, index) => {
    const { steps, result } = timingSteps(kernel, traffic[index]!, target);
    return {
      name: kernel.name,
      kind: kernel.work.kind,
      flops: kernel.flops,
      reads: kernel.reads.map(({ tensor, bytes }) => ({ tensor, bytes })),
      writes: kernel.writes.map(({ tensor, bytes }) => ({ tensor, bytes })),
      streamedBytes: kernel.streamedBytes,
      hbmBytes: traffic[index]!.hbmBytes,
      l2Bytes: traffic[index]!.l2Bytes,
      seconds: result.seconds,
      bound: boundOf(result.terms),
      terms: { ...result.terms },
      steps: [...flopSteps(kernel), ...byteSteps(kernel, target), ...steps].map((step) =>
        explainStep(step, sources),
      ),
    };
  });
}

/** The law of the kernel's kind, with its steps; the datasheet roofline where the device has no calibration. */
export function timingSteps(kernel: Kernel, traffic: Traffic, target: Device): Traced<Timing> {
  if (target.calibration === undefined) return idealTimingSteps(kernel, target);
  const { work } = kernel;
  switch (work.kind) {
    case "matmul":
      return matmulTimeSteps(kernel, work, traffic, target);
    case "attention":
      return attentionTimeSteps(kernel, work, traffic, target);
    case "decode-attention":
      return decodeAttentionTimeSteps(kernel, work, traffic, target);
    case "pointwise":
      return pointwiseTimeSteps(work, traffic, target);
    case "softmax":
      return softmaxTimeSteps(work, traffic, target);
    case "row-per-block":
      return rowPerBlockTimeSteps(work, traffic, target);
    case "row-in-registers":
      return work.direction === "forward"
        ? rowInRegistersTimeSteps(work, traffic, target)
        : rowInRegistersBackwardTimeSteps(work, traffic, target);
    case "row-sum":
      return rowSumTimeSteps(work, traffic, target);
    case "quantize":
      return quantizeTimeSteps(work, traffic, target);
    case "selection":
      return selectionTimeSteps(work, traffic, target);
    case "column-sum":
      return columnSumTimeSteps(work, traffic, target);
    case "collective":
      return collectiveTimeSteps(work, traffic, target);
  }
}

/** `$0 * $1` with names in place of the operands. */
const filledIn = (template: string, texts: readonly string[]): string =>
  template.replace(/\$(\d+)/g, (_, index: string) => texts[Number(index)]!);

const valueText = ({ value }: Operand): string =>
  typeof value === "string" ? JSON.stringify(value) : String(value ?? null);

function explainStep({ name, template, operands, value }: Step, sources: SourcesOf): ExplainedStep {
  return {
    name,
    formula: filledIn(
      template,
      operands.map((operand) => operand.name),
    ),
    substituted: filledIn(template, operands.map(valueText)),
    value,
    operands: operands.map((operand) => ({
      name: operand.name,
      value: operand.value ?? "not given",
      ...sources(operand),
    })),
  };
}

type SourcesOf = (operand: Operand) => { readonly source?: string };

/** Numbers of the hardware that are fields of one object, by their path in the scenario. */
interface Place {
  readonly path: string;
  /** the same fields with origin and source; undefined where the profile's list of sources says it */
  readonly parameters?: Readonly<Record<string, Parameter>>;
}

/** Where a number of the hardware comes from: found by the object that it is a field of. */
function sourcesOf(target: Device, changed: readonly string[]): SourcesOf {
  const { hardware, calibration } = target;
  const places = new Map<object, Place>([
    [target, { path: "hardware" }],
    [hardware, { path: "hardware" }],
    [hardware.peakFlopsPerSecond, { path: "hardware.peakFlopsPerSecond" }],
    [hardware.gpuHourUsd ?? {}, { path: "hardware.gpuHourUsd" }],
  ]);
  if (calibration !== undefined) placeAll(calibration, hardware.calibration!, "hardware.calibration", places);
  return ({ owner, field }) => {
    const place = owner === undefined ? undefined : places.get(owner);
    if (place === undefined || field === undefined) return {};
    const path = field === "vectorFlopsPerSecond" ? VECTOR_PATH : `${place.path}.${field}`;
    if (changed.some((one) => isPartOf(one, path) || isPartOf(path, one))) return { source: TYPED };
    if (field === "linkBytesPerSecond" && hardware.linkBytesPerSecond === undefined)
      return { source: NO_LINK };
    const parameter = place.parameters?.[field];
    if (parameter?.source !== undefined) return { source: `${parameter.origin}: ${parameter.source}` };
    return place.parameters === undefined ? datasheetSource(hardware, path.slice("hardware.".length)) : {};
  };
}

const VECTOR_PATH = "hardware.peakFlopsPerSecond.fp32Vector";
const TYPED = "set on the command line";
const NO_LINK = "not given: taken to be so fast that it takes no time";

const isPartOf = (path: string, whole: string): boolean => path === whole || path.startsWith(`${whole}.`);

/** Each group of plain numbers beside the same group with origins and sources. */
function placeAll(values: object, documented: object, path: string, places: Map<object, Place>): void {
  places.set(values, { path, parameters: documented as Readonly<Record<string, Parameter>> });
  for (const [key, value] of Object.entries(values))
    if (typeof value === "object" && value !== null)
      placeAll(value as object, documented[key as keyof typeof documented], `${path}.${key}`, places);
}

function datasheetSource({ sources, gpuHourUsd }: Hardware, field: string): { readonly source?: string } {
  if (gpuHourUsd !== undefined && field === "gpuHourUsd.value") return { source: gpuHourUsd.source };
  const found =
    sources.find(({ fields }) => fields.includes(field)) ??
    sources.find(({ fields }) => fields.some((one) => isPartOf(field, one) || isPartOf(one, field)));
  return found === undefined ? {} : { source: found.source };
}
