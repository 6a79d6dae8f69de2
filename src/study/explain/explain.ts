import { type Device, device } from "../../engine/device/device.ts";
import { kernelTiming } from "../../engine/device/kernel-time.ts";
import { layerTraffic, type Traffic } from "../../engine/device/residency.ts";
import { boundOf } from "../../engine/device/schedule.ts";
import { firstBackwardKernel } from "../../engine/layer/backward.ts";
import type { Operator } from "../../engine/layer/kernel.ts";
import { readBytes, writeBytes } from "../../engine/layer/kernel.ts";
import { layerOperators } from "../../engine/layer/layer.ts";
import { layerResult } from "../../engine/layer-result.ts";
import type { Explanation } from "../../schema/explanation.ts";
import type { Hardware } from "../../schema/hardware.ts";
import type { Scenario } from "../../schema/scenario.ts";
import { ANSWERED_BY } from "../../version.ts";
import { byteSteps, flopSteps } from "./counts.ts";
import { lawSteps } from "./law.ts";
import { sourceOf } from "./sources.ts";
import type { Operand, Step } from "./step.ts";
import { totalSteps } from "./totals.ts";

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
  const explainStep = explainer(scenario.hardware, readFrom?.changed ?? []);
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
      kernels: explainKernels(operator, traffic.slice(first, next), target, explainStep),
      launchSeconds: seconds - kernelSeconds(operator, traffic.slice(first, next), target),
    };
  });
  return {
    ...ANSWERED_BY,
    scenario,
    ...(readFrom === undefined ? {} : { readFrom }),
    operators: explained.filter(({ name }) => operatorName === undefined || name === operatorName),
    totals: operatorName === undefined ? totalSteps(scenario, result, target).map(explainStep) : [],
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
    (sum, kernel, index) => sum + kernelTiming(kernel, traffic[index]!, target).seconds,
    0,
  );
}

function explainKernels(
  { kernels }: Operator,
  traffic: readonly Traffic[],
  target: Device,
  explainStep: Explain,
): ExplainedKernel[] {
  return kernels.map((kernel, index) => {
    const { seconds, terms } = kernelTiming(kernel, traffic[index]!, target);
    return {
      name: kernel.name,
      kind: kernel.work.kind,
      flops: kernel.flops,
      reads: kernel.reads.map(({ tensor, bytes }) => ({ tensor, bytes })),
      writes: kernel.writes.map(({ tensor, bytes }) => ({ tensor, bytes })),
      streamedBytes: kernel.streamedBytes,
      hbmBytes: traffic[index]!.hbmBytes,
      l2Bytes: traffic[index]!.l2Bytes,
      seconds,
      bound: boundOf(terms),
      terms: { ...terms },
      steps: [
        ...flopSteps(kernel),
        ...byteSteps(kernel, target),
        ...lawSteps(kernel, traffic[index]!, target),
      ].map(explainStep),
    };
  });
}

/** `$0 * $1` with names in place of the operands. */
const filledIn = (template: string, texts: readonly string[]): string =>
  template.replace(/\$(\d+)/g, (_, index: string) => texts[Number(index)]!);

const valueText = ({ value }: Operand): string =>
  typeof value === "string" ? JSON.stringify(value) : String(value);

type Explain = (step: Step) => ExplainedStep;

/** A step as it is printed, with where each number of the hardware comes from. */
const explainer =
  (hardware: Hardware, changed: readonly string[]): Explain =>
  ({ name, template, operands, value }) => ({
    name,
    formula: filledIn(
      template,
      operands.map((operand) => operand.name),
    ),
    substituted: filledIn(template, operands.map(valueText)),
    value,
    operands: operands.map(({ name: operand, value: held, path }) => {
      const source = path === undefined ? undefined : sourceOf(path, hardware, changed);
      return { name: operand, value: held, ...(source === undefined ? {} : { source }) };
    }),
  });
