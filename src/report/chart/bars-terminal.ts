import { visible } from "../../visible.ts";
import type { Look } from "../text/formats.ts";
import { type Paint, paint } from "../text/paint.ts";
import { cut, bar as eighths } from "../text/terminal-text.ts";
import type { Bar } from "./bars.ts";
import { classLook } from "./classes.ts";

/** Stacked bars, one a line: name, bar, time. A class is told by its filling, without colour too. */
export function terminalBars(bars: readonly Bar[], look: Look): string[] {
  const style = paint(look);
  const names = bars.map(({ name }) => visible(name));
  const nameWidth = Math.min(40, Math.max(...names.map((name) => name.length)));
  const textWidth = Math.max(...bars.map(({ text }) => text.length));
  const room = Math.max(8, look.width - nameWidth - textWidth - 2 * GAP);
  const longest = Math.max(...bars.map(({ seconds }) => seconds)) || 1;
  return bars.map((bar, index) => {
    const name = cut(names[index]!, nameWidth).padEnd(nameWidth);
    const { drawn, length } = filled(bar, room / longest, look, style);
    const line = `${name}${" ".repeat(GAP)}${drawn}${" ".repeat(room - length + GAP)}${bar.text}`;
    return bar.isGiven ? style.strong(line) : line;
  });
}

const GAP = 1;

/** Cells of each class in turn; the first class to an eighth of a cell, as norms are often less than one. */
function filled(
  { parts }: Bar,
  cellsPerSecond: number,
  { unicode }: Look,
  style: Paint,
): { readonly drawn: string; readonly length: number } {
  let seconds = 0;
  let length = 0;
  let drawn = "";
  for (const [index, part] of parts.entries()) {
    seconds += part.seconds;
    const cells = Math.max(0, Math.round(seconds * cellsPerSecond) - length);
    const { fill, asciiFill } = classLook(part.class);
    const exact = part.seconds * cellsPerSecond;
    const text =
      index === 0 && unicode
        ? eighths(exact / Math.ceil(exact || 1), Math.ceil(exact || 1))
        : (unicode ? fill : asciiFill).repeat(cells);
    drawn += style.ofClass(part.class, text);
    length += text.length;
  }
  return { drawn, length };
}
