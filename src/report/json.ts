/** One value as an object, several as a list. */
export const json = (values: readonly unknown[], list: boolean): string =>
  `${JSON.stringify(list ? values : values[0], null, 2)}\n`;

export const jsonLines = (values: readonly unknown[]): string =>
  values.map((value) => `${JSON.stringify(value)}\n`).join("");
