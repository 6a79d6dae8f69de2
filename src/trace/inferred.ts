import type { HostOperator, Shape } from "../schema/profile.ts";
import type { TraceAnswer } from "../schema/trace.ts";
import type { Analysis } from "./analysis.ts";
import { isBackward } from "./backward.ts";
import { callChain, type Launched } from "./launches.ts";
import { type Product, products } from "./products.ts";
import { servingStep } from "./serving-step.ts";
import { shapeOf, shapesOf, typeOf } from "./shapes.ts";

export type Inferred = TraceAnswer["inferred"];

/** What shapes and names of one rank tell of the run; null where they don't. */
export function inferred(analysis: Analysis): Inferred {
  const operators = marked(analysis);
  const attention = attentionOf(analysis, operators);
  const table = embeddingOf(operators);
  const input = table?.input ?? compiledInput(operators);
  const serving = servingStep(operators);
  const training = isTraining(analysis);
  const queries = attention?.queries ?? input?.at(-1);
  const phase = training ? "train" : (serving?.phase ?? phaseOf(queries) ?? phaseByKernels(analysis));
  const hidden = table?.hidden ?? widestNorm(analysis);
  const sizes = { ...attention, hidden, layers: layersOf(analysis) };
  const found = products(analysis);
  return {
    phase,
    batch: serving?.batch ?? attention?.batch ?? (input?.length === 2 ? input[0]! : null),
    sequence: phase === "decode" ? 1 : (queries ?? null),
    context: contextOf(phase, attention) ?? serving?.context ?? null,
    layers: sizes.layers,
    hidden,
    heads: attention?.heads ?? null,
    kvHeads: kvHeadsOf(found, sizes) ?? attention?.kvHeads ?? null,
    headDim: attention?.headDim ?? null,
    ffn: ffnOf(found, sizes),
    vocabulary: table?.vocabulary ?? null,
    dtype: found[0]?.dtype ?? null,
  };
}

const marked = ({ profile }: Analysis): HostOperator[] => {
  const start = profile.steps[0]?.start ?? Number.NEGATIVE_INFINITY;
  return profile.operators.filter((operator) => operator.start >= start);
};

/** Of torch's attention operators, the shapes of queries and keys. */
interface AttentionShape {
  readonly batch: number;
  readonly heads: number;
  readonly queries: number;
  readonly headDim: number;
  readonly kvHeads: number;
  readonly keys: number;
}

const HEADS_FIRST =
  /^aten::(?:scaled_dot_product_attention|_scaled_dot_product_\w+?_attention|_cudnn_attention_forward)$/;
const TOKENS_FIRST = /^aten::(?:_flash_attention_forward|_efficient_attention_forward)$/;

function attentionOf(analysis: Analysis, operators: readonly HostOperator[]): AttentionShape | undefined {
  const shapes = operators.flatMap((operator) => attentionShape(operator) ?? []);
  // an encoder's attention comes before its decoder's; windows shorten some layers' keys
  const first = shapes[0] ?? scoresShape(analysis);
  if (first === undefined) return undefined;
  return shapes
    .filter(({ queries }) => queries === first.queries)
    .reduce((most, one) => (one.keys > most.keys ? one : most), first);
}

function attentionShape(operator: HostOperator): AttentionShape | undefined {
  const [query, key] = [shapeOf(operator, 0), shapeOf(operator, 1)];
  if (query?.length !== 4 || key?.length !== 4) return undefined;
  const tokensFirst = TOKENS_FIRST.test(operator.name);
  if (!tokensFirst && !HEADS_FIRST.test(operator.name)) return undefined;
  const [heads, tokens] = tokensFirst ? [2, 1] : [1, 2];
  return {
    batch: query[0]!,
    heads: query[heads]!,
    queries: query[tokens]!,
    headDim: query[3]!,
    kvHeads: key[heads]!,
    keys: key[tokens]!,
  };
}

/** Attention op by op: scores of batch × heads × queries × keys, made of heads that a product before it reads. */
function scoresShape({ steps }: Analysis): AttentionShape | undefined {
  const at = steps.launched.findIndex(
    ({ call }) => call?.operator.name === "aten::_softmax" && shapeOf(call.operator, 0)?.length === 4,
  );
  const scores = at < 0 ? undefined : shapeOf(steps.launched[at]!.call!.operator, 0);
  const product = steps.launched
    .slice(Math.max(0, at - 10), Math.max(0, at))
    .findLast(({ call }) => call?.operator.name === "aten::bmm");
  const headDim = product && shapeOf(product.call!.operator, 0)?.at(-1);
  if (scores === undefined || headDim === undefined) return undefined;
  const [batch, heads, queries, keys] = scores as [number, number, number, number];
  return { batch, heads, queries, headDim, kvHeads: heads, keys };
}

/** The token embedding: of all tables the one with most rows, and the tokens that were looked up. */
function embeddingOf(
  operators: readonly HostOperator[],
): { vocabulary: number; hidden: number; input: Shape } | undefined {
  const tables = operators.flatMap((operator) => {
    if (operator.name !== "aten::embedding" && !/^triton_.*embedding/.test(operator.name)) return [];
    const shapes = [0, 1, 2, 3].map((index) => ({
      shape: shapeOf(operator, index),
      type: typeOf(operator, index),
      whole: /int|long/.test(operator.arguments.types[index] ?? ""),
    }));
    const table = shapes.find(({ shape, type }) => shape?.length === 2 && type !== undefined)?.shape;
    const input = shapes.find(({ whole, shape }) => whole && shape !== undefined)?.shape;
    return table === undefined || input === undefined
      ? []
      : [{ vocabulary: table[0]!, hidden: table[1]!, input }];
  });
  return tables.reduce<(typeof tables)[number] | undefined>(
    (most, one) => (most === undefined || one.vocabulary > most.vocabulary ? one : most),
    undefined,
  );
}

/** The tokens that a compiled program is given: whole numbers of batch × sequence, copied to where its graph reads them. */
function compiledInput(operators: readonly HostOperator[]): Shape | undefined {
  for (const operator of operators) {
    if (operator.name === "CompiledFunction" && shapeOf(operator, 0)?.length === 2)
      return shapeOf(operator, 0);
    if (operator.name !== "aten::_foreach_copy_") continue;
    const tokens = shapesOf(operator, 0).filter((shape) => shape.length === 2);
    if (tokens.length > 0) return tokens.reduce((most, one) => (one[0]! > most[0]! ? one : most));
  }
  return undefined;
}

const isTraining = ({ profile, classes }: Analysis): boolean =>
  profile.operators.some(({ name }) => /^autograd::engine|Backward\d*$/.test(name)) ||
  [...classes.values()].includes("optimizer");

const phaseOf = (queries: number | undefined): Inferred["phase"] =>
  queries === undefined ? null : queries === 1 ? "decode" : "prefill";

/** Engines have kernels of their own for one new token a sequence. */
function phaseByKernels({ steps }: Analysis): Inferred["phase"] {
  const has = (name: RegExp): boolean => steps.launched.some(({ event }) => name.test(event.name));
  if (has(/BatchPrefill|flash_fwd_kernel|flash_fprop|context_attention/)) return "prefill";
  return has(/BatchDecode|paged_attention|flash_fwd_splitkv|unified_attention_3d|mla_decode/i)
    ? "decode"
    : null;
}

function contextOf(phase: Inferred["phase"], attention: AttentionShape | undefined): number | undefined {
  if (phase === "train") return 0;
  if (phase === null || attention === undefined) return undefined;
  return phase === "decode" ? attention.keys : Math.max(0, attention.keys - attention.queries);
}

const FORWARD_ATTENTION =
  /fprop|flash_fwd_kernel|fmha_cutlassF|FmhaFwd|fmha_fwd|paged_attention(?!.*reduce)|unified_attention|BatchDecode|BatchPrefill/;

/** Layers by their attention: calls of the operator, or kernels where there are no operators. */
function layersOf({ steps, classes }: Analysis): number | null {
  const forward = steps.launched.filter((one) => classes.get(one) === "attention" && !isBackward(one));
  const calls = new Set(forward.flatMap((one) => attentionCall(one) ?? []));
  const kernels = forward.filter(({ event }) => FORWARD_ATTENTION.test(event.name));
  const softmaxes = forward.filter(({ call }) => call?.operator.name === "aten::_softmax");
  const layers = (calls.size || softmaxes.length || kernels.length) / steps.count;
  return Number.isInteger(layers) && layers > 0 ? layers : null;
}

const attentionCall = ({ call }: Launched): HostOperator | undefined =>
  callChain(call).findLast(({ name }) => HEADS_FIRST.test(name) || TOKENS_FIRST.test(name));

function widestNorm({ norms }: Analysis): number | null {
  const widths = norms.flatMap(({ columns }) => columns ?? []);
  return widths.length === 0 ? null : Math.max(...widths);
}

interface Sizes {
  readonly hidden: number | null;
  readonly layers: number | null;
  readonly heads?: number;
  readonly headDim?: number;
}

/** Keys and values may have been repeated for all heads before attention: their projections have not. */
function kvHeadsOf(found: readonly Product[], { hidden, layers, heads, headDim }: Sizes): number | undefined {
  if (heads === undefined || headDim === undefined) return undefined;
  const keys = found.find(
    ({ inner, columns, count }) =>
      inner === hidden &&
      columns < heads * headDim &&
      columns % headDim === 0 &&
      heads % (columns / headDim) === 0 &&
      layers !== null &&
      count === 2 * layers,
  );
  return keys && keys.columns / headDim;
}

/** The down projection ends in the hidden width, and does not begin with all heads. */
function ffnOf(found: readonly Product[], { hidden, layers, heads = 0, headDim = 0 }: Sizes): number | null {
  const down = found.find(
    ({ inner, columns, count }) =>
      columns === hidden && inner !== heads * headDim && inner !== hidden && count === layers,
  );
  return down?.inner ?? null;
}
