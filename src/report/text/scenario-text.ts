import { reportedKind } from "../../schema/layer-kinds.ts";
import { generates, PHASE_FACTS } from "../../schema/phases.ts";
import type { Scenario } from "../../schema/scenario.ts";
import { NORM_NAMES, type NormImplementation, type NormKind } from "../../schema/vocabulary.ts";
import { plural } from "../../units.ts";
import { visible } from "../../visible.ts";

/** `native LayerNorm`, `op-by-op LayerNorm`. */
export const normText = ({ kind, implementation }: { kind: NormKind; implementation: NormImplementation }) =>
  `${implementation === "eager" ? "op-by-op" : implementation} ${NORM_NAMES[kind]}`;

export const IMPLEMENTATION_HELP = {
  textbook: "several passes over memory, one for each formula: the article's reading",
  eager: "operation by operation, as Hugging Face's LlamaRMSNorm runs: 8 to 12 kernels",
  native: "one kernel of PyTorch's own, one thread block a row",
  fused: "one kernel that keeps the row in registers (Triton, Liger, QuACK, Apex)",
  "residual-fused": "residual add and norm in one kernel",
  folded: "weight folded into the next matmul, only the statistic is computed (FlashNorm)",
} as const satisfies Record<NormImplementation, string>;

/** `prefill 1 × 4096`, `decode 8 × 1 after 4096`, `train 8 × 512`; where something moves, what does not. */
export function workloadText({ workload }: Scenario, moving: readonly string[] = []): string {
  const { phase, batch, sequence, context } = workload;
  const moves = (name: string): boolean => moving.includes(`workload.${name}`);
  if (Object.keys(workload).some(moves)) {
    const { lengths } = PHASE_FACTS[phase];
    return [
      ...(moves("phase") ? [] : [phase]),
      ...(moves("batch") ? [] : [`batch ${batch}`]),
      // lengths follow the phase
      ...(moves("sequence") || moves("phase") || !lengths.includes("sequence")
        ? []
        : [`sequence ${sequence}`]),
      ...(moves("context") || moves("phase") || (context === 0 && !generates(phase))
        ? []
        : [`context ${context}`]),
    ].join(", ");
  }
  if (generates(phase)) return `${phase} batch ${batch}, context ${context}`;
  return `${phase} ${batch} × ${sequence}${context > 0 ? ` after ${context}` : ""}`;
}

export function precisionText({ precision }: Scenario): string {
  const { weights, activations } = precision;
  return weights === activations ? activations : `${activations}, weights ${weights}`;
}

export const runtimeText = ({ runtime }: Scenario): string =>
  runtime === "graph" ? "CUDA graph" : "eager runtime";

/** A device's name without its vendor's. */
export const shortName = (hardware: string): string =>
  visible(hardware).replace(/^(NVIDIA|AMD|Intel|Google) /, "");

/** A scenario in a line; of many scenarios what they have in common: `moving` are the fields in which they differ. */
export function title(scenario: Scenario, moving: readonly string[] = []): string {
  const { model, hardware } = scenario;
  const common = (field: string, text: string): string => (moving.includes(field) ? "" : text);
  const kind = common("layerKind", reportedKind(scenario) ?? "");
  const norm = moving.some((field) => NORM_FIELDS.includes(field)) ? "" : otherNorm(scenario);
  const layer = `layer${kind === "" ? "" : ` (${visible(kind)})`}${norm}`;
  const isIdeal = hardware.calibration === undefined && !moving.includes("hardware");
  const parts = [
    common("model", `${visible(model.name)} ${layer}`) || "Layers of several models",
    workloadText(scenario, moving),
    moving.some((field) => field.startsWith("precision")) ? "" : precisionText(scenario),
    common("hardware", shortName(hardware.name)),
    ...parallelismTexts(scenario).map(([field, text]) => common(field, text)),
    isIdeal ? "ideal times" : common("runtime", runtimeText(scenario)),
  ];
  return parts.filter((text) => text !== "").join(" · ");
}

function parallelismTexts({ parallelism }: Scenario): (readonly [field: string, text: string])[] {
  const { tensor, sequenceParallel, expert = 1, pipeline = 1 } = parallelism;
  const sequence = sequenceParallel ? " with sequence parallelism" : "";
  return [
    ["parallelism.tensor", tensor > 1 ? `tensor-parallel ${tensor}${sequence}` : ""],
    ["parallelism.expert", expert > 1 ? `expert-parallel ${expert}` : ""],
    ["parallelism.pipeline", pipeline > 1 ? `pipeline ${pipeline}` : ""],
  ];
}

/** What moves the kind of norm, or what the model's own is. */
const NORM_FIELDS: readonly string[] = ["model", "model.norm", "normalization.kind"];

/** The article asks about a layer with LayerNorm, whatever the model was published with. */
function otherNorm({ model, normalization: { kind } }: Scenario): string {
  if (kind === model.norm) return "";
  return ` with ${NORM_NAMES[kind]}${kind === "layernorm" ? ", as the article has it" : ""}`;
}

export function kernelsText({ model, normalization, kernels }: Scenario): string {
  const { kind, implementation } = normalization;
  const own = typeof implementation !== "string";
  const norm = own
    ? `${NORM_NAMES[kind]} by ${plural(implementation.length, "kernel")} of your own`
    : `${implementation} ${NORM_NAMES[kind]}`;
  const pointwise = kernels.pointwise === "eager" ? "op-by-op" : "fused";
  const steps = model.positions === "rope" ? "RoPE and activation" : "activation";
  return `${norm}, ${pointwise} ${steps}, ${kernels.attention} attention`;
}
