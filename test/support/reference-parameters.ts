import type { LayerKind, Model } from "../../src/schema/model.ts";
import type { Scenario } from "../../src/schema/scenario.ts";
import { times } from "./walk.ts";

/**
 * A model's parameters as its state dict lists them: every matrix of every layer and expert by name, with which of its
 * elements each GPU holds. Elements are counted one by one.
 */
interface Matrix {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** which of the tensor-parallel ranks have an element; absent: all of them */
  readonly heldBy?: (row: number, column: number, rank: number) => boolean;
  /** number of the routed expert that it belongs to */
  readonly expert?: number;
  /** true: multiplied in the projections' type; false: in that of norms, routers and embeddings */
  readonly projection: boolean;
}

interface Gpu {
  readonly tensor: number;
  readonly expert: number;
}

interface Ranks {
  readonly tensor: number;
  readonly expert: number;
}

/** Of `count` things of one kind each rank has as many, one after the other. */
const share =
  (count: number, ranks: number) =>
  (index: number, rank: number): boolean =>
    Math.floor(index / Math.ceil(count / ranks)) === rank;

function linear(
  name: string,
  outputs: number,
  inputs: number,
  bias: boolean,
  split: "outputs" | "inputs" | "none",
  ranks: number,
): Matrix[] {
  const own = share(split === "outputs" ? outputs : inputs, ranks);
  const weight: Matrix = {
    name: `${name}.weight`,
    rows: outputs,
    columns: inputs,
    projection: true,
    ...(split === "none"
      ? {}
      : { heldBy: (row, column, rank) => own(split === "outputs" ? row : column, rank) }),
  };
  const vector: Matrix = {
    name: `${name}.bias`,
    rows: outputs,
    columns: 1,
    projection: true,
    ...(split === "outputs" ? { heldBy: (row, _, rank) => own(row, rank) } : {}),
  };
  return bias ? [weight, vector] : [weight];
}

/** Keys or values: heads are dealt out, and with more ranks than heads several ranks have the same one. */
function keyHeads(name: string, { kvHeads, headDim, hidden, bias }: Model, ranks: number): Matrix[] {
  const heldBy = (row: number, _: number, rank: number): boolean => {
    const head = Math.floor(row / headDim);
    return kvHeads >= ranks ? share(kvHeads, ranks)(head, rank) : share(ranks, kvHeads)(rank, head);
  };
  const both = linear(name, kvHeads * headDim, hidden, bias !== "none", "outputs", ranks);
  return both.map((matrix) => ({ ...matrix, heldBy }));
}

const norm = (name: string, { norm: kind }: Model, width: number): Matrix[] => {
  const vector = (which: string, rows = width): Matrix => ({
    name: `${name}.${which}`,
    rows,
    columns: 1,
    projection: false,
  });
  return [
    vector("weight"),
    ...(kind === "rmsnorm" ? [] : [vector("bias")]),
    ...(kind === "dyt" ? [vector("alpha", 1)] : []),
  ];
};

/** A vector is shared out, a single number is not. */
const dealt = ({ rows }: Matrix, heldBy: NonNullable<Matrix["heldBy"]>): Pick<Matrix, "heldBy"> =>
  rows === 1 ? {} : { heldBy };

const asPlain = (matrices: readonly Matrix[]): Matrix[] =>
  matrices.map((matrix) => ({ ...matrix, projection: false }));

function attention(model: Model, ranks: number): Matrix[] {
  const { hidden, heads, kvHeads, headDim, bias, qkNorm, qkNormSpan, latentAttention: latent } = model;
  const output = linear(
    "o_proj",
    hidden,
    heads * headDim,
    bias === "attention" || bias === "all",
    "inputs",
    ranks,
  );
  if (latent === undefined) {
    const heads_ = keyHeads("k_norm", model, ranks)[0]!.heldBy!;
    const normed = !qkNorm
      ? []
      : qkNormSpan === "projection"
        ? [
            ...norm("q_norm", model, heads * headDim).map((one) => ({
              ...one,
              ...dealt(one, (row, _, rank) => share(heads * headDim, ranks)(row, rank)),
            })),
            ...norm("k_norm", model, kvHeads * headDim).map((one) => ({ ...one, ...dealt(one, heads_) })),
          ]
        : [...norm("q_norm", model, headDim), ...norm("k_norm", model, headDim)];
    return [
      ...linear("q_proj", heads * headDim, hidden, bias !== "none", "outputs", ranks),
      ...keyHeads("k_proj", model, ranks),
      ...keyHeads("v_proj", model, ranks),
      ...output,
      ...normed,
    ];
  }
  const { queryRank, keyValueRank, nopeDim, ropeDim } = latent;
  const queryWidth = heads * (nopeDim + ropeDim);
  const queries =
    queryRank === undefined
      ? linear("q_proj", queryWidth, hidden, false, "outputs", ranks)
      : [
          ...linear("q_a_proj", queryRank, hidden, bias !== "none", "none", ranks),
          ...norm("q_a_layernorm", model, queryRank),
          ...linear("q_b_proj", queryWidth, queryRank, false, "outputs", ranks),
        ];
  return [
    ...queries,
    ...linear("kv_a_proj", keyValueRank + ropeDim, hidden, bias !== "none", "none", ranks),
    ...norm("kv_a_layernorm", model, keyValueRank),
    ...linear("kv_b_proj", heads * (nopeDim + headDim), keyValueRank, false, "outputs", ranks),
    ...output,
  ];
}

function mlp(name: string, { hidden, gated, bias }: Model, ffn: number, ranks: number): Matrix[] {
  const adds = bias === "all";
  const up = (which: string): Matrix[] => linear(`${name}.${which}`, ffn, hidden, adds, "outputs", ranks);
  return [
    ...(gated ? up("gate_proj") : []),
    ...up("up_proj"),
    ...linear(`${name}.down_proj`, hidden, ffn, adds, "inputs", ranks),
  ];
}

function feedForward(model: Model, ranks: number): Matrix[] {
  const { hidden, experts, bias } = model;
  if (experts === undefined) return mlp("mlp", model, model.ffn, ranks);
  const routed = Array.from({ length: experts.count }, (_, expert) =>
    mlp(`experts.${expert}`, model, experts.ffn, ranks).map((matrix) => ({ ...matrix, expert })),
  );
  return [
    ...asPlain(linear("router", experts.count, hidden, bias === "all", "none", ranks)),
    ...routed.flat(),
    ...(experts.sharedFfn === undefined ? [] : mlp("shared", model, experts.sharedFfn, ranks)),
    ...(experts.sharedGate === true ? asPlain(linear("shared_gate", 1, hidden, false, "none", ranks)) : []),
  ];
}

const STREAM_NORMS: Record<Model["normPlacement"], readonly string[]> = {
  pre: ["input_layernorm", "post_attention_layernorm"],
  post: ["attention.LayerNorm", "output.LayerNorm"],
  branch: ["post_attention_layernorm", "post_feedforward_layernorm"],
  sandwich: [
    "input_layernorm",
    "post_attention_layernorm",
    "pre_feedforward_layernorm",
    "post_feedforward_layernorm",
  ],
  parallel: ["ln_attn", "ln_mlp"],
  "parallel-shared": ["input_layernorm"],
};

/** One layer of a model whose layers are all alike. */
const layer = (model: Model, ranks: number): Matrix[] => [
  ...attention(model, ranks),
  ...feedForward(model, ranks),
  ...STREAM_NORMS[model.normPlacement].flatMap((name) => norm(name, model, model.hidden)),
];

const table = (name: string, { vocabulary, hidden }: Model, ranks: number): Matrix[] =>
  asPlain(linear(name, vocabulary, hidden, false, "outputs", ranks));

const hasHead = ({ outputHead, causal }: Model): boolean => outputHead ?? causal;

const embedding = (model: Model, ranks: number): Matrix[] => [
  ...table("embed_tokens", model, ranks),
  ...(model.positionRows === undefined
    ? []
    : asPlain(linear("embed_positions", model.positionRows, model.hidden, false, "none", ranks))),
  ...(model.embeddingNorm === true ? norm("embed_norm", model, model.hidden) : []),
];

const finalNorm = (model: Model): Matrix[] =>
  model.normPlacement === "post" ? [] : norm("norm", model, model.hidden);

/** Elements of the matrices, by what `wanted` says of each. */
function elements(
  matrices: readonly Matrix[],
  wanted: (matrix: Matrix, row: number, column: number) => boolean = () => true,
): number {
  let count = 0;
  for (const matrix of matrices)
    times(matrix.rows, (row) => {
      times(matrix.columns, (column) => {
        if (wanted(matrix, row, column)) count += 1;
      });
    });
  return count;
}

type Kinds = readonly (readonly [kind: LayerKind, alone: Model])[];

/** Every parameter of the whole model; and those that one token is multiplied with. */
export function countedParameters(model: Model, kinds: Kinds): { total: number; active: number } {
  const layers = kinds.flatMap(([kind, alone]) => Array.from({ length: kind.layers }, () => layer(alone, 1)));
  const head = hasHead(model) ? table("lm_head", model, 1) : [];
  const stored = [
    ...embedding(model, 1),
    ...finalNorm(model),
    ...(model.tiedEmbeddings === true ? [] : head),
  ];
  // any token may stand for all: let it choose the first experts
  const chosen = ({ expert }: Matrix): boolean => expert === undefined || expert < model.experts!.perToken;
  return {
    total: elements([...layers.flat(), ...stored]),
    active: elements([...layers.flat(), ...finalNorm(model), ...head], chosen),
  };
}

/** What each GPU of each stage holds, for a model whose layers are all alike: the most of any. */
export function countedHeld(
  model: Model,
  { tensor, expert = 1, pipeline = 1 }: Scenario["parallelism"],
): { projections: number; others: number } {
  const ranks: Ranks = { tensor, expert };
  const layers: number[] = Array.from({ length: pipeline }, () => 0);
  // dealt out one after the other, so that the first stages have one more
  times(model.layers, (index) => {
    layers[index % pipeline]! += 1;
  });
  let most = { projections: 0, others: 0 };
  const isHeld = (gpu: Gpu) => (matrix: Matrix, row: number, column: number) =>
    (matrix.heldBy?.(row, column, gpu.tensor) ?? true) &&
    (matrix.expert === undefined || share(model.experts!.count, ranks.expert)(matrix.expert, gpu.expert));
  times(tensor, (t) => {
    times(expert, (e) => {
      const held = isHeld({ tensor: t, expert: e });
      times(pipeline, (stage) => {
        const tied = model.tiedEmbeddings === true && pipeline === 1;
        const matrices = [
          ...(stage === 0 ? embedding(model, tensor) : []),
          ...Array.from({ length: layers[stage]! }, () => layer(model, tensor)).flat(),
          ...(stage === pipeline - 1 ? finalNorm(model) : []),
          ...(stage === pipeline - 1 && hasHead(model) && !tied ? table("lm_head", model, tensor) : []),
        ];
        const here = {
          projections: elements(matrices, (m, row, column) => m.projection && held(m, row, column)),
          others: elements(matrices, (m, row, column) => !m.projection && held(m, row, column)),
        };
        if (here.projections + here.others > most.projections + most.others) most = here;
      });
    });
  });
  return most;
}
