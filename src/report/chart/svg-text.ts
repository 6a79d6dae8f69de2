import type { Unit } from "../../study/result-field.ts";
import { visibleLines } from "../../visible.ts";
import { unitText } from "../text/figure-text.ts";
import { rounded } from "./plot.ts";
import { type Attributes, type Element, element } from "./tree.ts";

/** A text at a place; its baseline is lowered so that `y` is its middle. */
export const label = (text: string, x: number, y: number, attributes: Attributes = {}): Element =>
  element("text", { x, y, dy: "0.32em", ...attributes }, [text]);

const FEWEST_DIGITS = 3;
const MOST_DIGITS = 6;

/** Texts beside the ticks of an axis: with as many digits as tell them apart. */
export function tickTexts(ticks: readonly number[], unit: Unit): string[] {
  for (let digits = FEWEST_DIGITS; ; digits++) {
    const texts = ticks.map((tick) => rounded(unitText(tick, unit, digits)));
    if (new Set(texts).size === new Set(ticks).size || digits === MOST_DIGITS) return texts;
  }
}

/** At most so many letters, the last one an ellipsis where something was cut. */
export function shortened(text: string, letters: number): string {
  const all = [...visibleLines(text)];
  return all.length <= letters ? all.join("") : `${all.slice(0, Math.max(1, letters - 1)).join("")}…`;
}
