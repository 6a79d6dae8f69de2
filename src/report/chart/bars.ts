import type { ClassSeconds } from "../../schema/operator-sums.ts";
import type { Alternative, OperatorClass, Result } from "../../schema/result.ts";
import { NORM_NAMES } from "../../schema/vocabulary.ts";
import { formatPercent, formatSeconds } from "../../units.ts";
import { savingText, UNKNOWN } from "../text/figure-text.ts";
import { classesOf } from "./classes.ts";

/** A layer as a stacked bar: its classes from the axis outwards. */
export interface Bar {
  readonly name: string;
  readonly parts: readonly { readonly class: OperatorClass; readonly seconds: number }[];
  readonly seconds: number;
  /** what stands behind it: its time, and what it saves */
  readonly text: string;
  readonly isGiven: boolean;
}

/** A bar for every kind and implementation of the norm in this scenario; none where nobody knows their times. */
export function alternativeBars({ scenario, alternatives }: Result): Bar[] {
  const given = scenario.normalization;
  return alternatives.flatMap((other): Bar[] => {
    if (other.secondsByClass === null) return [];
    const { kind, implementation } = other;
    const isGiven = kind === given.kind && implementation === given.implementation;
    const bar = barOf(`${NORM_NAMES[kind]} ${implementation}`, other.secondsByClass);
    return [{ ...bar, isGiven, text: `${bar.text}, ${isGiven ? "as given" : changeText(other)}` }];
  });
}

function changeText({ savedShareOfTime, errorShareOfTime, resolved }: Alternative): string {
  const saved = savedShareOfTime!;
  if (resolved === false) return savingText(saved, errorShareOfTime);
  return saved < 0 ? `costs ${formatPercent(-saved)}` : `saves ${formatPercent(saved)}`;
}

export const barsTitle = (bars: readonly Bar[]): string =>
  `Time of the layer with other norms${bars.length === 0 ? `: ${UNKNOWN}` : ""}`;

export function barOf(name: string, seconds: ClassSeconds): Bar {
  const classes = classesOf(Object.keys(seconds).map((one) => ({ class: one as OperatorClass })));
  const parts = classes.map((one) => ({ class: one, seconds: seconds[one] ?? 0 }));
  const whole = parts.reduce((sum, part) => sum + part.seconds, 0);
  return { name, parts, seconds: whole, text: formatSeconds(whole, LAYER_DIGITS), isGiven: false };
}

/** Layers differ by a few parts in a thousand. */
const LAYER_DIGITS = 4;
