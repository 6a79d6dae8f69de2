import type fc from "fast-check";
import { FILE_INPUTS } from "./files.ts";
import type { Input } from "./input.ts";
import { LINE_INPUTS } from "./lines.ts";

/** What is fuzzed, kind by kind. */
export const KINDS: Readonly<Record<string, fc.Arbitrary<Input>>> = {
  ...FILE_INPUTS,
  "command line": LINE_INPUTS,
};
