import { readdirSync } from "node:fs";
import type { LayerKind, Model } from "../../src/schema/model.ts";
import { model } from "./scenarios.ts";

/** Names of all shipped models. */
export const SHIPPED = readdirSync("models").map((file) => file.replace(/\.json$/, ""));

/**
 * A shipped model with every width cut down to a few elements and everything else kept: placement of norms, biases,
 * grouped heads, partial rotation, experts, latents, windows and kinds of layers. Two GPUs can share it out.
 */
export function shrunken(name: string): Model {
  const { heads, kvHeads, rotaryDim, headDim, experts, latentAttention, slidingWindow, ...rest } =
    model(name);
  const few = heads === kvHeads ? 2 : 4;
  return {
    ...rest,
    hidden: 5,
    heads: few,
    kvHeads: kvHeads === 1 ? 1 : 2,
    headDim: 4,
    ffn: 6,
    vocabulary: 7,
    ...(rest.positionRows === undefined ? {} : { positionRows: 3 }),
    ...(rotaryDim === undefined ? {} : { rotaryDim: rotaryDim === headDim ? 4 : 2 }),
    ...(slidingWindow === undefined ? {} : { slidingWindow: 3 }),
    ...(experts === undefined ? {} : { experts: fewExperts(experts) }),
    ...(latentAttention === undefined ? {} : { latentAttention: narrowLatent(latentAttention) }),
  };
}

const fewExperts = (experts: NonNullable<Model["experts"]>): NonNullable<Model["experts"]> => ({
  ...experts,
  count: 4,
  perToken: 2,
  ffn: 2,
  ...(experts.sharedFfn === undefined ? {} : { sharedFfn: 4 }),
});

const narrowLatent = (
  latent: NonNullable<Model["latentAttention"]>,
): NonNullable<Model["latentAttention"]> => ({
  ...(latent.queryRank === undefined ? {} : { queryRank: 3 }),
  keyValueRank: 4,
  nopeDim: 3,
  ropeDim: 2,
});

/** A model's kinds of layers, each with the model as if all its layers were of that kind. */
export function kindsOf(given: Model): readonly (readonly [kind: string | undefined, model: Model])[] {
  if (given.layerKinds === undefined) return [[undefined, given]];
  return given.layerKinds.map((kind) => [kind.name, allOf(given, kind)] as const);
}

function allOf({ layerKinds, experts, slidingWindow, ...rest }: Model, kind: LayerKind): Model {
  const routed = kind.feedForward !== "dense" && experts !== undefined;
  const windowed = kind.attention !== "full" && slidingWindow !== undefined;
  return { ...rest, ...(routed ? { experts } : {}), ...(windowed ? { slidingWindow } : {}) };
}
