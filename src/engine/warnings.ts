import type { Hardware } from "../schema/hardware.ts";
import { generates, trains } from "../schema/phases.ts";
import type { Result } from "../schema/result.ts";
import type { Scenario } from "../schema/scenario.ts";
import { isNarrow, NORM_NAMES } from "../schema/vocabulary.ts";
import { fusesQuantization, normPlaces } from "./layer/layout.ts";
import { NORM_KIND_FACTS } from "./layer/norm-kinds.ts";
import type { NormPlace } from "./layer/normalization.ts";
import { knowsNormTimes } from "./layer-result.ts";
import { hasMisalignedHead } from "./model/model-ends.ts";

/** What a reader must know before using the numbers; never a reason to refuse a scenario that can be computed. */
export function warnings(scenario: Scenario, memory: Result["memory"]): string[] {
  const { hardware, model, workload, parallelism, normalization, kernels, precision } = scenario;
  const found: string[] = [...datasheetOnly(hardware)];
  const { totalBytes, weightBytes, kvCacheBytes, activationBytes, optimizerBytes } = memory;
  if (totalBytes > hardware.hbmBytes) {
    const parts = [
      ["weights", weightBytes],
      ["KV cache", kvCacheBytes],
      ["activations", activationBytes],
      ["gradients and optimizer", optimizerBytes],
    ] as const;
    const [needed, held] = toldApart(totalBytes, hardware.hbmBytes);
    const listed = parts
      .filter(([, bytes]) => bytes >= SMALLEST_SHOWN_BYTES)
      .map(([name, bytes]) => `${name} ${gigabytes(bytes)}`);
    found.push(
      `All ${model.layers} layers do not fit: each GPU would hold ${needed} (${listed.join(", ")}) and has ${held}; the layer's figures hold all the same.`,
    );
  }
  const exchanging =
    parallelism.tensor > 1 || (parallelism.expert ?? 1) > 1 || (parallelism.pipeline ?? 1) > 1;
  if (exchanging && hardware.linkBytesPerSecond === undefined) {
    found.push(`${hardware.name} has no link rate in its profile: exchanges between GPUs take no time.`);
  }
  const fallen = fusedInstead(scenario);
  if (fallen.length > 0) {
    found.push(
      `${fallen.join(", ")}: ${String(normalization.implementation)} is not possible there (${
        normalization.implementation === "folded"
          ? "no matmul reads the output"
          : "no residual add comes before"
      }), so it runs fused.`,
    );
  }
  if (
    kernels.quantization === "fused" &&
    isNarrow(precision.activations) &&
    !fusesQuantization(kernels, normalization)
  ) {
    found.push(
      "Only fused and residual-fused norms quantize their output themselves: here a kernel of its own does.",
    );
  }
  if (Array.isArray(normalization.implementation) && trains(workload.phase)) {
    found.push("The passes given describe the forward norm; its backward is taken to be the native one.");
  }
  return [...found, ...otherwise(scenario), ...beyondTheLink(scenario), ...withoutEffect(scenario)];
}

/** What a device without a calibration cannot tell. */
export const datasheetOnly = (hardware: Hardware): string[] =>
  knowsNormTimes(hardware)
    ? []
    : [
        `${hardware.name} has no calibration: all times are the ideal of its datasheet, without floors, launches or caches. No datasheet says how fast norm kernels are: normalization's share of time and what other norms save are unknown.`,
      ];

/** Where a swap of norms saves more time than the norms have, a reader looks for the mistake. */
export function sharedWaiting(
  { runtime }: Scenario,
  { seconds }: Result["normalization"],
  others: Result["alternatives"],
): string[] {
  const saved = Math.max(...others.map(({ savedSeconds }) => savedSeconds ?? 0));
  return runtime === "eager" && seconds !== null && saved > seconds
    ? [
        "An operator's time includes its wait for the host, and kernels behind the norms wait too: fewer kernels in the norms save more than the norms' own time.",
      ]
    : [];
}

/** A bridge joins two cards, or four: what more of them exchange goes over the host. */
function beyondTheLink({ hardware, parallelism }: Scenario): string[] {
  const { linkedGpus, name } = hardware;
  const group = parallelism.tensor * (parallelism.expert ?? 1);
  return linkedGpus !== undefined && group > linkedGpus
    ? [
        `The link of ${name} joins ${linkedGpus} cards: exchanges among ${group} go over the host and are slower than said here.`,
      ]
    : [];
}

/** More GPUs than were measured together, and than one node of most clusters has. */
const MOST_MEASURED_GPUS = 8;

/** What the scenario has that the model, or the machine, would not have by itself. */
function otherwise({ model, workload, parallelism, normalization, precision }: Scenario): string[] {
  const found: string[] = [];
  if (normalization.kind !== model.norm)
    found.push(
      `${model.name} itself has ${NORM_NAMES[model.norm]}: this is its layer as it would be with ${NORM_NAMES[normalization.kind]}.`,
    );
  const positions = Math.max(workload.sequence, generates(workload.phase) ? workload.context : 0);
  if (model.positionRows !== undefined && positions > model.positionRows)
    found.push(
      `${model.name} has learned no more than ${model.positionRows} positions: it cannot read ${positions} tokens.`,
    );
  if (normalization.implementation === "native" && !NORM_KIND_FACTS[normalization.kind].nativeKernel)
    found.push(
      `torch has no kernel of its own for ${NORM_NAMES[normalization.kind]}: native runs it op by op.`,
    );
  if (hasMisalignedHead(model, parallelism, precision))
    found.push(
      `A row of logits of ${model.name} (vocabulary ${model.vocabulary}) does not begin at 16 bytes: its output head runs by kernels several times slower than those of a vocabulary padded to a multiple of 8 for each GPU.`,
    );
  if (generates(workload.phase) && !model.causal)
    found.push(`${model.name} sees all tokens at once: it generates none one by one.`);
  const group = parallelism.tensor * (parallelism.expert ?? 1);
  if (group > MOST_MEASURED_GPUS)
    found.push(
      `Exchanges among ${group} GPUs are extrapolated from ${MOST_MEASURED_GPUS} on one node, as if all had the same fast links: between nodes they are slower.`,
    );
  return found;
}

/** What the scenario asks for in vain. */
function withoutEffect({ workload, parallelism, training }: Scenario): string[] {
  const found: string[] = [];
  if (parallelism.sequenceParallel && parallelism.tensor === 1)
    found.push(
      "Sequence parallelism splits tokens over the GPUs of a tensor-parallel group: one GPU has all.",
    );
  const { recomputation = "none", gradientAccumulation = 1 } = training ?? {};
  if (!trains(workload.phase) && (recomputation !== "none" || gradientAccumulation !== 1))
    found.push(`What is set of training changes nothing in ${workload.phase}.`);
  return found;
}

/** Norms of the layer that cannot be run the way the scenario asks for. */
function fusedInstead({ model, normalization }: Scenario): string[] {
  const { kind, implementation } = normalization;
  if (implementation !== "folded" && implementation !== "residual-fused") return [];
  const { foldable } = NORM_KIND_FACTS[kind];
  const fits =
    implementation === "folded" ? ({ beforeMatmul }: NormPlace) => beforeMatmul && foldable : hasResidual;
  return normPlaces(model)
    .filter((place) => !fits(place))
    .map(({ name }) => name);
}

const hasResidual = ({ residual }: NormPlace): boolean => residual !== undefined;

/** Less than this is 0.0 GB. */
const SMALLEST_SHOWN_BYTES = 0.05e9;

const gigabytes = (bytes: number, decimals = bytes < 10e9 ? 1 : 0): string =>
  `${(bytes / 1e9).toFixed(decimals)} GB`;

/** Two sizes with as many decimals as tell them apart, down to the byte. */
function toldApart(a: number, b: number): [string, string] {
  const shown = (decimals?: number): [string, string] => [gigabytes(a, decimals), gigabytes(b, decimals)];
  let both = shown();
  for (let decimals = 1; both[0] === both[1] && decimals <= 9; decimals++) both = shown(decimals);
  return both;
}
