import type { Point } from "../ask/flags.ts";
import type { Space } from "../ask/space.ts";
import type { NormImplementation, NormKind } from "../schema/vocabulary.ts";
import { parseField } from "./result-field.ts";
import { type Range, type Sample, scan } from "./scan.ts";
import { defaultRange, fieldAlong } from "./solve.ts";

/** A norm as `--norm` names it. */
export interface Norm {
  readonly kind: NormKind;
  readonly implementation: NormImplementation;
}

/** Normalization's share of the layer's time over the layer's width, with one norm. */
export interface ShareCurve {
  readonly norm: Norm;
  readonly samples: readonly Sample[];
}

/** Where that share passes a target: the widths on either side, the nearest value where it never does. */
export interface Reach {
  readonly norm: Norm;
  readonly target: number;
  readonly range: Range;
  readonly crossings: readonly {
    readonly before: Sample;
    readonly after: Sample;
    readonly direction: "rising" | "falling";
  }[];
  readonly nearest: Sample | undefined;
}

const SHARE = parseField("normalization.shareOfTime").field!;
const RANGE = defaultRange("hidden", 0, true);

/** The same space with another norm and a width that is free to move. */
function withNorm(space: Space, { kind, implementation }: Norm): Space {
  const { hidden: _, norm: __, ...fixed } = space.fixed;
  const settings = space.settings.filter(({ path }) => path[0] !== "normalization");
  const moved: Point = { ...fixed, norm: `${kind}:${implementation}` };
  return { ...space, fixed: moved, settings };
}

const shareAt = (space: Space, norm: Norm): ((hidden: number) => number | undefined) =>
  fieldAlong(withNorm(space, norm), SHARE, "hidden");

/** The share at `count` widths or fewer, evenly spread over their logarithm, each where there is such a layer. */
export function shareCurve(space: Space, norm: Norm, count: number): ShareCurve {
  const share = shareAt(space, norm);
  const ratio = (RANGE.to / RANGE.from) ** (1 / (count - 1));
  const widths = Array.from({ length: count }, (_, index) => RANGE.from * ratio ** index);
  return { norm, samples: widths.flatMap((width) => sampleNear(share, width, Math.sqrt(ratio)) ?? []) };
}

/** The nearest place at which there is a share, no farther than halfway to the neighbours: ranks divide few widths. */
function sampleNear(
  share: (hidden: number) => number | undefined,
  width: number,
  halfway: number,
): Sample | undefined {
  const step = RANGE.step ?? 1;
  const first = Math.ceil(Math.max(RANGE.from, width / halfway) / step);
  const last = Math.floor(Math.min(RANGE.to, width * halfway) / step);
  const distance = (steps: number): number => Math.abs(steps * step - width);
  const places = Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
  for (const steps of places.sort((a, b) => distance(a) - distance(b))) {
    const y = share(steps * step);
    if (y !== undefined) return { x: steps * step, y };
  }
  return undefined;
}

/** What `solve --target normalization.shareOfTime=... --vary hidden` finds, with this norm. */
export function reach(space: Space, norm: Norm, target: number): Reach {
  const found = scan(shareAt(space, norm), target, RANGE);
  return {
    norm,
    target,
    range: RANGE,
    crossings: found.crossings.map(({ before, after, direction }) => ({ before, after, direction })),
    nearest: found.nearest,
  };
}
