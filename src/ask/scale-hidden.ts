import type { LayerKind, Model } from "../schema/model.ts";

/** Sizes that the user named, so that they stay as they are. */
export interface Kept {
  readonly heads?: number | undefined;
  readonly kvHeads?: number | undefined;
  readonly ffn?: number | undefined;
}

const FFN_MULTIPLE = 128;

/**
 * A model of another hidden size: heads in proportion (headDim kept), KV heads so that the group size heads/kvHeads is
 * kept where it can be, FFN in proportion, rounded to a multiple of 128. A size that is named wins.
 */
export function scaleHidden(model: Model, hidden: number, kept: Kept): { model: Model; note: string } {
  const factor = hidden / model.hidden;
  const exactHeads = model.heads * factor;
  const heads = kept.heads ?? Math.max(1, Math.round(exactHeads));
  const kvHeads = kept.kvHeads ?? nearestDivisor(heads, (heads * model.kvHeads) / model.heads);
  const ffn = kept.ffn ?? scaledWidth(model.ffn * factor);
  const rounded = kept.heads === undefined && heads !== exactHeads;
  const experts = model.experts && scaleExperts(model.experts, factor);
  const layerKinds = model.layerKinds?.map((kind) => scaleKind(kind, factor));
  return {
    model: {
      ...model,
      hidden,
      heads,
      kvHeads,
      ffn,
      ...(experts === undefined ? {} : { experts }),
      ...(layerKinds === undefined ? {} : { layerKinds }),
    },
    note: note({ hidden, heads, kvHeads, ffn }, kept, rounded ? model.headDim : undefined),
  };
}

/** Experts keep their number; their widths scale as the FFN's does. */
function scaleExperts(experts: NonNullable<Model["experts"]>, factor: number): NonNullable<Model["experts"]> {
  const { ffn, sharedFfn } = experts;
  return {
    ...experts,
    ffn: scaledWidth(ffn * factor),
    ...(sharedFfn === undefined ? {} : { sharedFfn: scaledWidth(sharedFfn * factor) }),
  };
}

/** What layers have of their own scales as what the model has does. */
function scaleKind(kind: LayerKind, factor: number): LayerKind {
  const scaled = (size: number): number => Math.max(1, Math.round(size * factor));
  return {
    ...kind,
    ...(kind.heads === undefined ? {} : { heads: scaled(kind.heads) }),
    ...(kind.kvHeads === undefined ? {} : { kvHeads: scaled(kind.kvHeads) }),
    ...(kind.ffn === undefined ? {} : { ffn: scaledWidth(kind.ffn * factor) }),
  };
}

const scaledWidth = (width: number): number =>
  Math.max(FFN_MULTIPLE, Math.round(width / FFN_MULTIPLE) * FFN_MULTIPLE);

/** Of two as near the smaller one. */
function nearestDivisor(of: number, wanted: number): number {
  if (!Number.isInteger(of) || of < 1 || of > 1e9) return Math.max(1, Math.round(wanted));
  let best = 1;
  const offer = (divisor: number): void => {
    const nearer = Math.abs(best - wanted) - Math.abs(divisor - wanted);
    if (nearer > 0 || (nearer === 0 && divisor < best)) best = divisor;
  };
  // divisors come in pairs, one of each at most the square root
  for (let divisor = 1; divisor * divisor <= of; divisor++) {
    if (of % divisor !== 0) continue;
    offer(divisor);
    offer(of / divisor);
  }
  return best;
}

function note(
  size: { hidden: number; heads: number; kvHeads: number; ffn: number },
  kept: Kept,
  roundedHeadDim: number | undefined,
): string {
  const parts = [
    ["heads", size.heads, kept.heads, "--heads"],
    ["KV heads", size.kvHeads, kept.kvHeads, "--kv-heads"],
    ["FFN", size.ffn, kept.ffn, "--ffn"],
  ] as const;
  const scaled = parts.filter(([, , named]) => named === undefined);
  if (scaled.length === 0) return `hidden ${size.hidden}: nothing else scaled`;
  const list = scaled.map(([name, value]) => `${name} ${value}`).join(", ");
  const flags = scaled.map(([, , , flag]) => flag).join(", ");
  const whole =
    roundedHeadDim === undefined ? "" : `; heads of ${roundedHeadDim} do not fill it, rounded to whole ones`;
  return `hidden ${size.hidden}: ${list} (scaled with it; ${flags} set your own)${whole}`;
}
