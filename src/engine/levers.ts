import { matmulPeak } from "../schema/peaks.ts";
import type { Lever } from "../schema/result.ts";
import type { Scenario } from "../schema/scenario.ts";
import { isNarrow } from "../schema/vocabulary.ts";
import { ratio } from "./device/math.ts";
import type { LayerResult } from "./layer-result.ts";
import { knowsNormTimes, layerFigures } from "./layer-result.ts";
import { savingError } from "./saving-error.ts";

/** A change to how a layer is run: what it is, the flags that make it, and the scenario with it. */
interface Change {
  readonly name: string;
  readonly change: string;
  readonly apply: (scenario: Scenario) => Scenario;
}

type Kernels = Scenario["kernels"];

const norm = (name: string, change: string, to: Partial<Scenario["normalization"]>): Change => ({
  name,
  change,
  apply: (scenario) => ({ ...scenario, normalization: { ...scenario.normalization, ...to } }),
});

const kernels = (name: string, change: string, to: Partial<Kernels>): Change => ({
  name,
  change,
  apply: (scenario) => ({ ...scenario, kernels: { ...scenario.kernels, ...to } }),
});

const fp8: Change = {
  name: "fp8 matmuls and cache",
  change: "--precision fp8",
  apply: (scenario) =>
    mayTakeFp8(scenario)
      ? { ...scenario, precision: { weights: "fp8", activations: "fp8", kvCache: "fp8" } }
      : scenario,
};

const mayTakeFp8 = ({ workload, precision, hardware }: Scenario): boolean =>
  workload.phase !== "train" &&
  !isNarrow(precision.activations) &&
  !isNarrow(precision.weights) &&
  matmulPeak(hardware, "fp8") !== undefined;

/** Everything that could be changed about a layer's kernels. What a scenario has already changes nothing there. */
const CHANGES: readonly Change[] = [
  norm("RMSNorm", "--norm rmsnorm", { kind: "rmsnorm" }),
  norm("one-kernel norms", "--norm :fused", { implementation: "fused" }),
  norm("residual add in the norm", "--norm :residual-fused", { implementation: "residual-fused" }),
  kernels("fused RoPE and activation", "--pointwise fused", { pointwise: "fused" }),
  kernels("flash attention", "--attention flash", { attention: "flash" }),
  kernels("merged projections", "--set kernels.projections=merged", { projections: "merged" }),
  kernels("RoPE on contiguous heads", "--set kernels.rope=contiguous", { rope: "contiguous" }),
  kernels("cache in place", "--set kernels.cache=in-place", { cache: "in-place" }),
  kernels("heads not expanded", "--set kernels.keyValueHeads=grouped", { keyValueHeads: "grouped" }),
  kernels("no mask that is read", "--set kernels.mask=implicit", { mask: "implicit" }),
  {
    name: "CUDA graph",
    change: "--runtime graph",
    apply: (scenario) => ({ ...scenario, runtime: "graph" }),
  },
  fp8,
];

/**
 * What each change would save of the layer's time, best first, and behind them what all that save anything would save
 * together. Changes that leave the layer as it is are left out; a device whose norms nobody has timed has none.
 */
export function levers(scenario: Scenario, { layer, operators }: LayerResult): Lever[] {
  if (!knowsNormTimes(scenario.hardware)) return [];
  const lever = ({ name, change, apply }: Change): Lever => {
    const changed = apply(scenario);
    const savedSeconds = layer.seconds - layerFigures(changed).layer().seconds;
    const savedShareOfTime = ratio(savedSeconds, layer.seconds);
    const error =
      changed.kernels === scenario.kernels && changed.runtime === scenario.runtime
        ? savingError(scenario, operators, scenario.normalization, changed.normalization)
        : undefined;
    return {
      name,
      change,
      savedSeconds,
      savedShareOfTime,
      ...(error === undefined
        ? {}
        : { errorShareOfTime: error, resolved: Math.abs(savedShareOfTime) > error }),
    };
  };
  const found = CHANGES.map((change) => ({ change, lever: lever(change) }))
    .filter((one) => one.lever.savedSeconds !== 0)
    .sort((a, b) => b.lever.savedSeconds - a.lever.savedSeconds);
  // of two kinds of norm kernels the better one
  const saving = withoutRivals(found.filter((one) => one.lever.savedSeconds > 0).map(({ change }) => change));
  const together = saving.length < 2 ? [] : [lever(joined(saving))];
  return [...found.map((one) => one.lever), ...together];
}

const withoutRivals = (changes: readonly Change[]): readonly Change[] => {
  const [best] = changes.filter(({ change }) => change.startsWith("--norm :"));
  return changes.filter((one) => one === best || !one.change.startsWith("--norm :"));
};

/** Several at once: kind and kernels of norms are one flag. */
function joined(changes: readonly Change[]): Change {
  const flags = changes.map(({ change }) => change);
  const implementation = flags.find((flag) => flag.startsWith("--norm :"));
  const both = implementation !== undefined && flags.includes("--norm rmsnorm");
  const kept = both
    ? [
        `--norm rmsnorm${implementation.slice("--norm ".length)}`,
        ...flags.filter((flag) => !flag.startsWith("--norm")),
      ]
    : flags;
  return {
    name: "all of these",
    change: kept.join(" "),
    apply: (scenario) => changes.reduce((changed, { apply }) => apply(changed), scenario),
  };
}
