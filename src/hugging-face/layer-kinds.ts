import type { LayerKind, Model } from "../schema/model.ts";
import { type Reader, shown } from "./reader.ts";

/** What layers of a model may have, and which of them do not. */
export interface Differences {
  readonly experts?: Model["experts"];
  readonly slidingWindow?: number | undefined;
  /** true: the window is the length of chunks */
  readonly chunked?: boolean;
  /** whether the layer of this index, from 0, has the plain feed-forward block */
  readonly isDense?: (index: number) => boolean;
  /** whether the layer of this index attends to all tokens before */
  readonly isFull?: (index: number) => boolean;
  /** whether RoPE turns queries and keys of the layer of this index */
  readonly isTurned?: (index: number) => boolean;
  /** what layers that attend to all tokens before have otherwise */
  readonly full?: OwnSizes;
}

type OwnSizes = Partial<Pick<Model, "heads" | "kvHeads" | "headDim" | "ffn">> &
  Pick<Model, "rotaryDim"> & { readonly positions?: "none" };
type Parts = Pick<Model, "experts" | "slidingWindow" | "chunkedWindow" | "layerKinds"> &
  Pick<Model, "heads" | "kvHeads" | "headDim" | "rotaryDim" | "ffn" | "positions">;

/** A kind of layers that has no name yet. */
type Kind = Pick<LayerKind, "layers" | "feedForward" | "attention"> & OwnSizes;

/**
 * Experts, window and kinds of layers as a model file has them: what no layer has is left out. `layer_types` says of a
 * model of any type which layers have the window; where it is not listed, the type's own rule does.
 */
export function layersOf(read: Reader, layers: number, differences: Differences): Partial<Parts> {
  const used = { ...differences, ...listedWindow(read, layers, differences) };
  const { experts, chunked, slidingWindow } = used;
  const kinds = kindsOf(layers, used);
  const hasExperts = experts !== undefined && kinds.some(({ feedForward }) => feedForward !== "dense");
  const hasWindow = slidingWindow !== undefined && kinds.some(({ attention }) => attention !== "full");
  const { layers: _layers, feedForward: _ffn, attention: _attention, ...alike } = kinds[0]!;
  return {
    ...(hasWindow ? { slidingWindow } : {}),
    ...(hasWindow && chunked ? { chunkedWindow: true } : {}),
    ...(hasExperts ? { experts } : {}),
    ...(kinds.length > 1 ? { layerKinds: named(kinds, hasExperts, hasWindow) } : alike),
  };
}

/** Every kind that there is, in the order in which they come first, without a name. */
function kindsOf(layers: number, differences: Differences): readonly Kind[] {
  const { experts, slidingWindow, isDense = () => false, isFull = () => false } = differences;
  const { isTurned = () => true, full: ofFull = {} } = differences;
  const found = new Map<string, Kind>();
  for (let index = 0; index < layers; index++) {
    const isWhole = slidingWindow === undefined || isFull(index);
    const kind = {
      ...(experts !== undefined && isDense(index) ? { feedForward: "dense" as const } : {}),
      ...(slidingWindow !== undefined && isWhole ? { attention: "full" as const } : {}),
      ...(isWhole ? ofFull : {}),
      ...(isTurned(index) ? {} : { positions: "none" as const }),
    };
    const key = JSON.stringify(kind);
    found.set(key, { layers: (found.get(key)?.layers ?? 0) + 1, ...kind });
  }
  return [...found.values()];
}

/** Each kind by what tells it from the others; the most frequent first, as the one that counts most. */
function named(kinds: readonly Kind[], experts: boolean, window: boolean): LayerKind[] {
  const differs = (part: "feedForward" | "attention" | "positions"): boolean =>
    new Set(kinds.map((kind) => kind[part])).size > 1;
  const words = (kind: Kind): string =>
    [
      experts && differs("feedForward") ? (kind.feedForward ?? "experts") : "",
      window && differs("attention") ? (kind.attention ?? "window") : "",
      differs("positions") && !(window && differs("attention") && followsAttention(kinds))
        ? kind.positions === "none"
          ? "nope"
          : "rope"
        : "",
    ]
      .filter((word) => word !== "")
      .join("-");
  return kinds
    .map((kind) => ({ name: words(kind), ...kind }))
    .sort((a, b) => b.layers - a.layers || (a.name < b.name ? 1 : -1));
}

/** Whether knowing what a layer attends to is knowing whether RoPE turns it. */
const followsAttention = (kinds: readonly Kind[]): boolean =>
  ["full", undefined].every(
    (attention) =>
      new Set(kinds.filter((kind) => kind.attention === attention).map(({ positions }) => positions)).size <=
      1,
  );

type Window = Pick<Differences, "slidingWindow" | "isFull" | "chunked">;

function listedWindow(
  read: Reader,
  layers: number,
  own: Window,
): Pick<Window, "slidingWindow" | "isFull"> | undefined {
  const types = read.list("layerKinds", "layer_types");
  if (types === undefined) return undefined;
  if (types.length !== layers && read.problems.length === 0)
    read.problem(
      "layer_types",
      `expected a list of num_hidden_layers (${layers}) items, got ${types.length}`,
    );
  const near = own.chunked ? "chunked_attention" : "sliding_attention";
  const strange = types.find((type) => type !== "full_attention" && type !== near);
  if (strange !== undefined)
    read.problem("layer_types", `expected "full_attention" or "${near}", got ${shown(strange)}`);
  return {
    slidingWindow: types.includes(near) ? (own.slidingWindow ?? usedWindow(read)) : undefined,
    isFull: (index) => types[index] === "full_attention",
  };
}

/** Qwen's configs name a window that is not used; without one, the layers that would have it attend to all tokens. */
function usedWindow(read: Reader): number | undefined {
  const isUsed = read.peek("use_sliding_window") !== false;
  const window = isUsed ? read.countOrNone("slidingWindow", "sliding_window") : undefined;
  if (window === undefined)
    read.note(
      `layer_types has sliding_attention, but ${isUsed ? "there is no sliding_window" : "use_sliding_window is false"}: all layers attend to all tokens`,
    );
  return window;
}
