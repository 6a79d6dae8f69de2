import type { Hardware } from "../schema/hardware.ts";
import type { Model } from "../schema/model.ts";
import { resolveScenario } from "../schema/resolve.ts";
import { type Scenario, type ScenarioFile, ScenarioFileSchema } from "../schema/scenario.ts";
import type { NormKind } from "../schema/vocabulary.ts";
import type { Analysis } from "./analysis.ts";
import type { Inferred } from "./inferred.ts";
import { products } from "./products.ts";

/** The scenario that ran, and what of it the trace does not say. */
export interface TracedScenario {
  readonly file: ScenarioFile;
  readonly scenario: Scenario;
  readonly assumed: readonly string[];
}

const ASSUMED = [
  "attention is causal, each token attends to all before it",
  "feed-forward: SiLU where no GELU or ReLU ran",
  "one GPU holds each layer whole",
];

/** null where the sizes of a layer are not all known, or where it is not one that the engine models. */
export function tracedScenario(
  analysis: Analysis,
  found: Inferred,
  hardware: Hardware | undefined,
): TracedScenario | null {
  const model = modelOf(analysis, found);
  const { phase, batch, sequence, context } = found;
  if (hardware === undefined || model === undefined) return null;
  if (phase === null || batch === null || sequence === null || context === null) return null;
  const dtype = found.dtype === "fp16" || found.dtype === "fp32" ? found.dtype : "bf16";
  const parsed = ScenarioFileSchema.safeParse({
    description: "Written by norm-roofline trace from the shapes of a run",
    model,
    hardware: hardware,
    workload: { phase, batch, sequence, context },
    precision: { weights: dtype, activations: dtype, kvCache: dtype },
    normalization: { kind: model.norm, implementation: implementationOf(analysis) },
    kernels: { pointwise: isFused(analysis) ? "fused" : "eager" },
    runtime: "graph",
  });
  if (!parsed.success) return null;
  const { scenario } = resolveScenario(parsed.data, model, hardware);
  return scenario === undefined ? null : { file: parsed.data, scenario, assumed: ASSUMED };
}

function modelOf(analysis: Analysis, found: Inferred): Model | undefined {
  const { layers, hidden, heads, kvHeads, headDim, ffn, vocabulary } = found;
  if (layers === null || hidden === null || heads === null || kvHeads === null) return undefined;
  if (headDim === null || ffn === null || vocabulary === null) return undefined;
  const ran = new Set(analysis.steps.launched.map(({ call }) => call?.operator.name));
  const up = products(analysis).filter(
    ({ inner, columns }) => inner === hidden && (columns === ffn || columns === 2 * ffn),
  );
  const gated = up.some(({ columns, count }) => columns === 2 * ffn || count === 2 * layers);
  const biased = ran.has("aten::addmm");
  return {
    name: "The model of the trace",
    source: "shapes in a trace of torch.profiler",
    layers,
    hidden,
    heads,
    kvHeads,
    headDim,
    ffn,
    gated,
    activation: ran.has("aten::gelu") ? "gelu" : ran.has("aten::relu") ? "relu" : "silu",
    bias: biased ? "all" : "none",
    positions: gated || ran.has("aten::neg") ? "rope" : "learned",
    norm: mainKind(analysis),
    normPlacement: placement(analysis, layers, hidden),
    qkNorm: analysis.norms.some(({ columns }) => columns === headDim),
    causal: true,
    vocabulary,
  };
}

const mainKind = ({ norms }: Analysis): NormKind =>
  norms.filter(({ kind }) => kind === "layernorm").length * 2 > norms.length ? "layernorm" : "rmsnorm";

/** Four norms of the hidden width a layer are a sandwich; two are before attention and FFN. */
function placement({ norms, steps }: Analysis, layers: number, hidden: number): Model["normPlacement"] {
  const wide = norms.filter(({ columns, direction }) => columns === hidden && direction === "forward");
  return wide.length / steps.count / layers > 3 ? "sandwich" : "pre";
}

function implementationOf({ norms }: Analysis): "eager" | "native" | "fused" | "residual-fused" {
  const forward = norms.filter(({ direction }) => direction === "forward");
  const names = (["eager", "residual-fused", "native", "fused"] as const).filter((name) =>
    forward.some(({ implementation }) => implementation === name),
  );
  const count = (name: string): number =>
    forward.filter(({ implementation }) => implementation === name).length;
  return names.reduce((most, one) => (count(one) > count(most) ? one : most), names[0] ?? "native");
}

const isFused = ({ steps }: Analysis): boolean =>
  steps.launched.some(({ event }) => /^triton_|act_and_mul|rotary|swiglu/i.test(event.name));
