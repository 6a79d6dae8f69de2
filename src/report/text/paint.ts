import { Chalk } from "chalk";
import type { Look } from "./formats.ts";

/** Colour as an accent, never the only signal. */
export interface Paint {
  readonly strong: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly quiet: (text: string) => string;
  readonly warning: (text: string) => string;
  /** the colour of a class of operators in charts */
  readonly ofClass: (name: string, text: string) => string;
}

const CLASS_COLORS: Readonly<Record<string, "redBright" | "blueBright" | "green" | "yellow" | "magenta">> = {
  normalization: "redBright",
  matmul: "blueBright",
  attention: "green",
  pointwise: "yellow",
  collective: "magenta",
};

export function paint({ color }: Pick<Look, "color">): Paint {
  const chalk = new Chalk({ level: color ? 1 : 0 });
  return {
    strong: (text) => chalk.bold(text),
    good: (text) => chalk.green(text),
    bad: (text) => chalk.red(text),
    quiet: (text) => chalk.dim(text),
    warning: (text) => chalk.yellow(text),
    ofClass: (name, text) => (Object.hasOwn(CLASS_COLORS, name) ? chalk[CLASS_COLORS[name]!](text) : text),
  };
}
