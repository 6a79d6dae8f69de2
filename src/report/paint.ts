import { Chalk } from "chalk";
import type { Look } from "./formats.ts";

/** Colour as an accent, never the only signal. */
export interface Paint {
  readonly strong: (text: string) => string;
  readonly good: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly quiet: (text: string) => string;
  readonly warning: (text: string) => string;
}

export function paint({ color }: Pick<Look, "color">): Paint {
  const chalk = new Chalk({ level: color ? 1 : 0 });
  return {
    strong: (text) => chalk.bold(text),
    good: (text) => chalk.green(text),
    bad: (text) => chalk.red(text),
    quiet: (text) => chalk.dim(text),
    warning: (text) => chalk.yellow(text),
  };
}
