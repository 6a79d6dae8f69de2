import * as z from "zod";
import { anyOf, suggestion } from "../nearest.ts";
import { pathText } from "../schema/rules.ts";

type Issue = z.core.$ZodIssue;
type Path = readonly PropertyKey[];

/** Nobody reads more of them, and a file may hold millions. */
const MOST_PROBLEMS = 100;

/** What zod found wrong with `data`, one line each: the place, what was expected, what is there. */
export function problemLines(
  error: z.ZodError,
  data: unknown,
  schema: z.ZodType,
  prefix: Path = [],
): string[] {
  const lines = withoutEchoes(error.issues).flatMap((issue) => issueLines(issue, data, schema, prefix));
  return lines.length > MOST_PROBLEMS ? [...lines.slice(0, MOST_PROBLEMS), "and more"] : lines;
}

/** zod may go on checking a value after its first mistake: of several at one place the telling one is kept. */
function withoutEchoes(issues: readonly Issue[]): Issue[] {
  const read = issues.slice(0, 2 * MOST_PROBLEMS);
  return read.filter((issue, index) => !read.some((other, at) => isEcho(issue, other, index - at)));
}

function isEcho(issue: Issue, other: Issue, later: number): boolean {
  if (later === 0 || pathText(issue.path) !== pathText(other.path)) return false;
  if (other.code === "invalid_type") return issue.code !== "invalid_type";
  if (issue.code === "too_small") return other.code === "too_small" && later > 0;
  return issue.code === "too_big" && other.code === "too_big" && issue.maximum > other.maximum;
}

function issueLines(issue: Issue, data: unknown, schema: z.ZodType, prefix: Path): string[] {
  const value = valueAt(data, issue.path);
  const line = (path: Path, message: string): string => `${placeText([...prefix, ...path])}${message}`;
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys
        .slice(0, MOST_PROBLEMS + 1)
        .map((key) => line([...issue.path, key], unknownKey(key, schema, issue.path)));
    case "invalid_union":
      return "options" in issue && issue.options
        ? issueLines(unknownKind(issue.options, issue), data, schema, prefix)
        : unionLines(issue, value, data, schema, prefix);
    case "custom":
    case "invalid_format":
      return [
        line(issue.path, issue.code === "custom" ? issue.message : `${issue.message}, got ${show(value)}`),
      ];
    default:
      return [
        line(
          issue.path,
          `${expectation(issue, isWhole(schema, issue.path))}, got ${show(value)}${meant(issue, value)}`,
        ),
      ];
  }
}

type Union = Extract<Issue, { code: "invalid_union" }>;

/** A `kind` that no row has. */
const unknownKind = (options: readonly z.core.util.Primitive[], { path, message }: Union): Issue => ({
  code: "invalid_value",
  values: [...options],
  path,
  message,
});

/** Of a union's branches, the one whose type the value has; without one, all that would be accepted. */
function unionLines(issue: Union, value: unknown, data: unknown, schema: z.ZodType, prefix: Path): string[] {
  const branches = ("errors" in issue ? issue.errors : []).map(withoutEchoes);
  const fitting = branches.filter((branch) => !branch.some((inner) => isWrongType(inner)));
  const best = fitting[0] ?? (branches.length === 1 ? branches[0] : undefined);
  if (best === undefined) {
    const expected = branches.flatMap((branch) =>
      branch.map((inner) => expectation(inner).replace("expected ", "")),
    );
    const nearestName = branches.flatMap((branch) => branch.map((inner) => meant(inner, value))).join("");
    return [
      `${placeText([...prefix, ...issue.path])}expected ${expected.join(" or ")}, got ${show(value)}${nearestName}`,
    ];
  }
  return best.flatMap((inner) =>
    issueLines({ ...inner, path: [...issue.path, ...inner.path] } as Issue, data, schema, prefix),
  );
}

/** True when a branch fails at its own root for the value's type or name, so that another branch was meant. */
const isWrongType = (issue: Issue): boolean =>
  issue.path.length === 0 && (issue.code === "invalid_type" || issue.code === "invalid_value");

const TYPES: Record<string, string> = {
  int: "a whole number",
  number: "a number",
  string: "a text",
  boolean: "true or false",
  object: "an object",
  array: "a list",
  tuple: "a list",
  record: "an object",
};

function expectation(issue: Issue, whole = false): string {
  switch (issue.code) {
    case "invalid_type":
      return `expected ${TYPES[issue.expected] ?? issue.expected}`;
    case "invalid_value":
      return `expected ${anyOf(issue.values.map((value) => JSON.stringify(value)))}`;
    case "too_small":
      return `expected ${sized(whole ? "int" : issue.origin)} ${issue.inclusive ? "of at least" : "above"} ${issue.minimum}${unit(issue.origin, issue.minimum)}`;
    case "too_big":
      return `expected ${sized(whole ? "int" : issue.origin)} ${issue.inclusive ? "of at most" : "below"} ${issue.maximum}${unit(issue.origin, issue.maximum)}`;
    default:
      return issue.message.charAt(0).toLowerCase() + issue.message.slice(1);
  }
}

const sized = (origin: string): string => TYPES[origin] ?? `a ${origin}`;

function unit(origin: string, count: number | bigint): string {
  const noun = origin === "string" ? " character" : origin === "array" ? " item" : "";
  return noun !== "" && count !== 1 ? `${noun}s` : noun;
}

/** A word that is not among those expected: the nearest of them. */
function meant(issue: Issue, value: unknown): string {
  if (issue.code !== "invalid_value" || typeof value !== "string") return "";
  const words = issue.values.filter((known) => typeof known === "string");
  const hint = suggestion(value, words);
  return hint && ` (${hint})`;
}

function unknownKey(key: string, schema: z.ZodType, path: Path): string {
  const known = keysAt(schema, path);
  const hint = suggestion(key, known) || (known.length > 0 ? `known: ${known.join(", ")}` : "");
  return `unknown key${hint && ` (${hint})`}`;
}

function valueAt(data: unknown, path: Path): unknown {
  let value = data;
  for (const key of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Record<PropertyKey, unknown>)[key];
  }
  return value;
}

/** zod says of a number that it is too small, but not that it should be a whole one. */
function isWhole(schema: z.ZodType, path: Path): boolean {
  const field = objectsAt(schema, path.slice(0, -1))
    .map((object) => fieldOf(object, String(path.at(-1))))
    .find((found) => found !== undefined);
  return field !== undefined && innermost(field) instanceof z.ZodNumberFormat;
}

function innermost(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return innermost(schema.def.innerType as z.ZodType);
  return schema;
}

/** A key of the data may be called like what every object has. */
const fieldOf = ({ def: { shape } }: z.ZodObject, key: string): z.ZodType | undefined =>
  Object.hasOwn(shape, key) ? (shape[key] as z.ZodType) : undefined;

/** Keys that the schema's object at a path may have. */
function keysAt(schema: z.ZodType, path: Path): string[] {
  return [...new Set(objectsAt(schema, path).flatMap((object) => Object.keys(object.def.shape)))];
}

/** The object schemas that may stand at a path. */
function objectsAt(schema: z.ZodType, path: Path): z.ZodObject[] {
  let objects = objectsIn(schema);
  for (const key of path) {
    objects = objects.flatMap((object) => {
      const field = fieldOf(object, String(key));
      return field ? objectsIn(field) : typeof key === "number" ? [object] : [];
    });
  }
  return objects;
}

/** The object schemas behind defaults, options, unions and lists. */
function objectsIn(schema: z.ZodType): z.ZodObject[] {
  if (schema instanceof z.ZodObject) return [schema];
  if (schema instanceof z.ZodUnion)
    return schema.def.options.flatMap((option) => objectsIn(option as z.ZodType));
  if (schema instanceof z.ZodArray) return objectsIn(schema.def.element as z.ZodType);
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault)
    return objectsIn(schema.def.innerType as z.ZodType);
  return [];
}

/** What a line begins with. */
const placeText = (path: Path): string => (path.length === 0 ? "" : `${pathText(path)}: `);

/** A value as JSON, cut short. */
function show(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "number") return String(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
