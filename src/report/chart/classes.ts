import type { OperatorClass, OperatorResult } from "../../schema/result.ts";

/**
 * How an operator class looks: after Okabe and Ito, told apart by people who do not see all colours, dark enough for
 * 3:1 on the background; the shape says it again.
 */
export interface ClassLook {
  readonly light: string;
  readonly dark: string;
  readonly shape: "diamond" | "square" | "circle" | "triangle" | "cross" | "star";
  /** in a terminal */
  readonly mark: string;
  readonly asciiMark: string;
  readonly fill: string;
  readonly asciiFill: string;
}

/** In the order of a stacked bar: normalization first, so that it stands on the axis. */
export const CLASS_LOOKS: Readonly<Record<OperatorClass, ClassLook>> = {
  normalization: look("#c9480b", "#ff8f4a", "diamond", "◆", "N", "█", "N"),
  matmul: look("#0b6aa8", "#5db4ef", "square", "■", "M", "▒", "m"),
  attention: look("#0a8462", "#35c79c", "circle", "●", "A", "▓", "a"),
  pointwise: look("#94690a", "#e3b341", "triangle", "▲", "P", "░", "p"),
  collective: look("#a3457e", "#e08bbd", "cross", "✚", "C", "═", "c"),
};

/** A class that this list does not know yet. */
const OTHER = look("#57606a", "#a5adb8", "star", "★", "O", "▚", "o");

function look(
  light: string,
  dark: string,
  shape: ClassLook["shape"],
  mark: string,
  asciiMark: string,
  fill: string,
  asciiFill: string,
): ClassLook {
  return { light, dark, shape, mark, asciiMark, fill, asciiFill };
}

export const classLook = (name: string): ClassLook =>
  Object.hasOwn(CLASS_LOOKS, name) ? CLASS_LOOKS[name as OperatorClass] : OTHER;

/** Classes that a layer has, normalization first. */
export function classesOf(operators: readonly Pick<OperatorResult, "class">[]): OperatorClass[] {
  const order = Object.keys(CLASS_LOOKS) as OperatorClass[];
  const found = [...new Set(operators.map((operator) => operator.class))];
  const place = (name: OperatorClass): number => (order.includes(name) ? order.indexOf(name) : order.length);
  return found.sort((a, b) => place(a) - place(b));
}
