import type { LayerKind, Model } from "../schema/model.ts";
import { type Reader, shown } from "./reader.ts";

/** What layers of a model may have, and which of them do not. */
export interface Differences {
  readonly experts?: Model["experts"];
  readonly slidingWindow?: number | undefined;
  /** whether the layer of this index, from 0, has the plain feed-forward block */
  readonly isDense?: (index: number) => boolean;
  /** whether the layer of this index attends to all tokens before */
  readonly isFull?: (index: number) => boolean;
}

type Parts = Pick<Model, "experts" | "slidingWindow" | "layerKinds">;

/**
 * Experts, window and kinds of layers as a model file has them: what no layer has is left out. `layer_types` says of a
 * model of any type which layers have the window; where it is not listed, the type's own rule does.
 */
export function layersOf(read: Reader, layers: number, differences: Differences): Partial<Parts> {
  const { experts, isDense = () => false } = differences;
  const { slidingWindow, isFull = () => false } = listedWindow(read, layers, differences) ?? differences;
  const found = new Map<string, LayerKind>();
  for (let index = 0; index < layers; index++) {
    const dense = experts === undefined || isDense(index);
    const full = slidingWindow === undefined || isFull(index);
    const key = `${dense} ${full}`;
    const before = found.get(key)?.layers ?? 0;
    found.set(key, {
      name: "",
      layers: before + 1,
      ...(experts !== undefined && dense ? { feedForward: "dense" as const } : {}),
      ...(slidingWindow !== undefined && full ? { attention: "full" as const } : {}),
    });
  }
  const kinds = [...found.values()];
  const hasExperts = experts !== undefined && kinds.some(({ feedForward }) => feedForward !== "dense");
  const hasWindow = slidingWindow !== undefined && kinds.some(({ attention }) => attention !== "full");
  return {
    ...(hasWindow ? { slidingWindow } : {}),
    ...(hasExperts ? { experts } : {}),
    ...(kinds.length > 1 ? { layerKinds: named(kinds, hasExperts, hasWindow) } : {}),
  };
}

/** Each kind by what tells it from the others; the most frequent first, as the one that counts most. */
function named(kinds: readonly LayerKind[], experts: boolean, window: boolean): LayerKind[] {
  const differs = (part: "feedForward" | "attention"): boolean =>
    new Set(kinds.map((kind) => kind[part])).size > 1;
  const words = (kind: LayerKind): string =>
    [
      experts && differs("feedForward") ? (kind.feedForward ?? "experts") : "",
      window && differs("attention") ? (kind.attention ?? "window") : "",
    ]
      .filter((word) => word !== "")
      .join("-");
  return kinds
    .map((kind) => ({ ...kind, name: words(kind) }))
    .sort((a, b) => b.layers - a.layers || (a.name < b.name ? 1 : -1));
}

type Window = Pick<Differences, "slidingWindow" | "isFull">;

function listedWindow(read: Reader, layers: number, own: Window): Window | undefined {
  const types = read.list("layerKinds", "layer_types");
  if (types === undefined) return undefined;
  if (types.length !== layers && read.problems.length === 0)
    read.problem(
      "layer_types",
      `expected a list of num_hidden_layers (${layers}) items, got ${types.length}`,
    );
  const strange = types.find((type) => type !== "full_attention" && type !== "sliding_attention");
  if (strange !== undefined)
    read.problem("layer_types", `expected "full_attention" or "sliding_attention", got ${shown(strange)}`);
  return {
    slidingWindow: types.includes("sliding_attention") ? (own.slidingWindow ?? usedWindow(read)) : undefined,
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
