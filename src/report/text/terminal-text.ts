/** Text for a terminal: safe, ASCII where it must be, and no wider than it. */

const ASCII: Record<string, string> = {
  µ: "u",
  "×": "x",
  "·": "-",
  "±": "~",
  "÷": "/",
  "█": "#",
  "▉": "#",
  "▊": "#",
  "▋": "#",
  "▌": "#",
  "▍": ":",
  "▎": ":",
  "▏": ".",
  "─": "-",
  "…": "~",
};

/** One character for one, so that columns stay where they are; colours stay too. */
export function toAscii(text: string): string {
  return text.replace(/[^\p{Cc} -~]/gu, (character) => ASCII[character] ?? "?");
}

/** Paragraphs to lines of at most `width`; lines after the first are indented. */
export function wrap(text: string, width: number, indent = ""): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (longer.length > width && line.trim() !== "") {
      lines.push(line);
      line = indent + word;
    } else line = longer;
  }
  return [...lines, line];
}

/** At most `width` characters, the last one an ellipsis where something was cut. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"] as const;

/** A horizontal bar of `share` of `width` characters, to an eighth of one; never empty for a share above zero. */
export function bar(share: number, width: number): string {
  const eighths = Math.round(Math.min(1, Math.max(0, share)) * width * 8);
  const shown = share > 0 ? Math.max(1, eighths) : 0;
  return "█".repeat(Math.floor(shown / 8)) + EIGHTHS[shown % 8]!;
}

/** Lines below a table, where there are any. */
export const blankBefore = (lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : ["", ...lines];
