import type { Point } from "./labels.ts";

/** A terminal's cells, drawn into one after the other: later characters cover earlier ones. */
export interface Canvas {
  /** pixels of a cell */
  readonly cell: { readonly width: number; readonly height: number };
  readonly put: (text: string, column: number, row: number, style?: Style) => void;
  /** a line from point to point, pixels; `pattern` of 1 draws all of it, of 2 every other step, and so on */
  readonly line: (from: Point, to: Point, pattern: number, style?: Style) => void;
  readonly rows: () => string[];
}

type Style = (text: string) => string;

interface Cell {
  readonly text: string;
  readonly style: Style | undefined;
}

/** Dots of a Braille character: two columns, four rows. */
const BRAILLE = 0x2800;
const BRAILLE_BITS = [
  [0x01, 0x08],
  [0x02, 0x10],
  [0x04, 0x20],
  [0x40, 0x80],
] as const;
const DASH = 4;

export function canvas(columns: number, height: number, isUnicode: boolean): Canvas {
  const cell = { width: 8, height: 16 };
  const cells: (Cell | undefined)[][] = Array.from({ length: height }, () => []);
  const dots = Array.from({ length: height }, () => new Uint8Array(columns));
  const put: Canvas["put"] = (text, column, row, style) => {
    [...text].forEach((character, index) => {
      const at = column + index;
      if (cells[row] !== undefined && at >= 0 && at < columns) cells[row][at] = { text: character, style };
    });
  };
  const braille = ({ x, y }: Point, style: Style | undefined): void => {
    const [column, row] = [Math.floor(x / cell.width), Math.floor(y / cell.height)];
    if (dots[row] === undefined || column < 0 || column >= columns) return;
    const bits = BRAILLE_BITS[Math.floor((y - row * cell.height) / 4)]!;
    dots[row][column]! |= bits[Math.floor((x - column * cell.width) / 4)]!;
    put(String.fromCodePoint(BRAILLE + dots[row][column]!), column, row, style);
  };
  return {
    cell,
    put,
    line: (from, to, pattern, style) => {
      const character = asciiLine(from, to, pattern);
      steps(from, to, isUnicode ? 4 : cell.width).forEach((point, index) => {
        if (isUnicode) {
          if (pattern === 1 || Math.floor(index / DASH) % pattern === 0) braille(point, style);
        } else put(character, Math.floor(point.x / cell.width), Math.floor(point.y / cell.height), style);
      });
    },
    rows: () => cells.map(joined),
  };
}

/** Points along a line, at most `size` pixels apart in either direction. */
function steps(from: Point, to: Point, size: number): Point[] {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const count = Math.max(1, Math.ceil(Math.max(Math.abs(dx), Math.abs(dy)) / size));
  return Array.from({ length: count + 1 }, (_, index) => ({
    x: from.x + (dx * index) / count,
    y: from.y + (dy * index) / count,
  }));
}

function asciiLine(from: Point, to: Point, pattern: number): string {
  if (pattern > 1) return ".";
  if (from.y === to.y) return "-";
  return from.x === to.x ? "|" : "/";
}

/** Neighbours of one style share its codes; nothing but text up to the last one that is not empty. */
function joined(row: readonly (Cell | undefined)[]): string {
  let line = "";
  let run = "";
  let style: Style | undefined;
  const flush = (): void => {
    line += style === undefined || run.trim() === "" ? run : style(run);
    run = "";
  };
  const last = 1 + row.findLastIndex((cell) => cell !== undefined && cell.text !== " ");
  for (let column = 0; column < last; column++) {
    const one = row[column];
    if (one?.style !== style) flush();
    style = one?.style;
    run += one?.text ?? " ";
  }
  flush();
  return line.trimEnd();
}
