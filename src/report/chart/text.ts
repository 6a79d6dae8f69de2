import { visibleLines } from "../../visible.ts";
import { type Attributes, type Element, element } from "./tree.ts";

/** A text at a place; its baseline is lowered so that `y` is its middle. */
export const label = (text: string, x: number, y: number, attributes: Attributes = {}): Element =>
  element("text", { x, y, dy: "0.32em", ...attributes }, [text]);

/** At most so many letters, the last one an ellipsis where something was cut. */
export function shortened(text: string, letters: number): string {
  const all = [...visibleLines(text)];
  return all.length <= letters ? all.join("") : `${all.slice(0, Math.max(1, letters - 1)).join("")}…`;
}
