import { visibleJson } from "../../visible.ts";

/** One value as an object, several as a list. */
export const json = (values: readonly unknown[], list: boolean): string =>
  `${visibleJson(JSON.stringify(list ? values : values[0], null, 2))}\n`;

export const jsonLines = (values: readonly unknown[]): string =>
  values.map((value) => `${jsonText(value)}\n`).join("");

/** A value on one line. */
export const jsonText = (value: unknown): string => visibleJson(JSON.stringify(value));
