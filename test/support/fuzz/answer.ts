import type * as z from "zod";
import { ClaimsSchema } from "../../../src/schema/claims.ts";
import { ExplanationSchema } from "../../../src/schema/explanation.ts";
import { HardwareSchema } from "../../../src/schema/hardware.ts";
import { ResultSchema } from "../../../src/schema/result.ts";
import { SensitivitySchema } from "../../../src/schema/sensitivity.ts";
import { SolutionSchema } from "../../../src/schema/solution.ts";

/** What must hold of whatever the program prints as its answer. */

/** Commands whose JSON has a schema. */
const SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  run: ResultSchema,
  claims: ClaimsSchema,
  explain: ExplanationSchema,
  sensitivity: SensitivitySchema,
  solve: SolutionSchema,
  calibrate: HardwareSchema,
};

const NO_ANSWER = /\b(NaN|Infinity|undefined)\b|\[object Object\]/;

/** Scripts hold such words, and tabs, as code. */
export const withoutScripts = (text: string): string => text.replace(/<script[\s\S]*?<\/script>/g, "");

/** Everything wrong with an answer; `given` is what the user wrote, whose words may come back. */
export function answerProblems(text: string, argv: readonly string[], given: string): string[] {
  const word = NO_ANSWER.exec(withoutScripts(text))?.[0];
  const problems = word === undefined || given.includes(word) ? [] : [`the answer holds ${word}`];
  const values = jsonIn(text, argv);
  if (values === undefined) return [...problems, "the answer is not JSON"];
  return [
    ...problems,
    ...values.flatMap((value) => [...numberProblems(value, "answer"), ...schemaProblems(value, argv[0]!)]),
  ];
}

const asks = (argv: readonly string[], format: string): boolean =>
  argv.some((word, index) => {
    const before = argv[index - 1];
    return (
      word === `--${format}` ||
      word === `--format=${format}` ||
      word === `-f${format}` ||
      (word === format && (before === "-f" || before === "--format"))
    );
  });

/** The JSON values of an answer, none where it is in another format, undefined where they cannot be read. */
function jsonIn(text: string, argv: readonly string[]): unknown[] | undefined {
  try {
    if (!/^[[{]/.test(text)) return [];
    if (asks(argv, "jsonl"))
      return text
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line));
    if (!asks(argv, "json") && argv[0] !== "calibrate") return [];
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) ? value : [value];
  } catch {
    return undefined;
  }
}

const NEVER_NEGATIVE = /(seconds|bytes|flops)$/i;
/** Differences, which may have either sign. */
const EITHER_SIGN = /^(saved|added|cost)/;
/** But for the typical error, which nobody may know. */
const NEVER_MISSING = /^(?!typicalError$).*(seconds|bytes|flops|share\w*|error|factor)$/i;

/** Times of norms, and of layers with other ones, which no datasheet knows. */
const UNKNOWN_BY_DATASHEET = /(seconds|share\w*)$/i;

/** True unless the answer says that its device is calibrated. */
function isDatasheetOnly(answer: unknown): boolean {
  const { scenario } = (answer ?? {}) as { scenario?: { hardware?: { calibration?: unknown } } };
  return scenario?.hardware?.calibration === undefined;
}

function numberProblems(value: unknown, path: string, datasheetOnly = isDatasheetOnly(value)): string[] {
  const key = path.slice(path.lastIndexOf(".") + 1);
  if (value === null)
    return NEVER_MISSING.test(key) && !(datasheetOnly && UNKNOWN_BY_DATASHEET.test(key))
      ? [`${path} is null`]
      : [];
  if (typeof value === "number")
    return value < 0 && NEVER_NEGATIVE.test(key) && !EITHER_SIGN.test(key) ? [`${path} is ${value}`] : [];
  if (typeof value !== "object") return [];
  return Object.entries(value).flatMap(([name, child]) =>
    numberProblems(child, `${path}.${name}`, datasheetOnly),
  );
}

function schemaProblems(value: unknown, command: string): string[] {
  const isRow = command === "run" && typeof value === "object" && value !== null && !("operators" in value);
  const schema = isRow ? undefined : SCHEMAS[command];
  const issues = schema?.safeParse(value).error?.issues ?? [];
  return issues.slice(0, 3).map(({ path, message }) => `${command}: ${path.join(".")}: ${message}`);
}
