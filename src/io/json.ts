/**
 * JSON as RFC 8259 has it, with the place of every mistake, and the three numbers that Python's json writes besides:
 * NaN, Infinity, -Infinity (schemas say where no such number may stand). Refuses what JSON.parse lets through in
 * silence: a key given twice, a number too large for a double, `__proto__`, and nesting deep enough to overflow a
 * stack; and what is larger than any file of this program.
 */
const DEEPEST = 64;
/** More labels than a classifier's config.json lists (21,843 for ImageNet-21k); a schema takes a second for as many. */
const MOST_MEMBERS = 100_000;

const SPACE = /[ \t\r\n]*/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids exactly these in a string
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPE = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const MINUS_INFINITY = "-Infinity";
const WORD = /[A-Za-z_$][\w$]*/y;

/** `problem` is what to say of the text: `is not valid JSON: line 1, column 2: ...` */
export type Parsed =
  | { readonly values: readonly unknown[]; readonly problem?: never }
  | { readonly values?: never; readonly problem: string };

class JsonProblem extends Error {
  readonly at: number;
  /** what a text is that has this problem: JSON that we do not read is still JSON */
  readonly verdict: string;
  constructor(at: number, message: string, verdict = "is not valid JSON") {
    super(message);
    this.at = at;
    this.verdict = verdict;
  }
}

const refusal = (at: number, message: string): JsonProblem => new JsonProblem(at, message, "cannot be read");

/** All JSON values of a text, one after the other: one document, or JSON Lines. */
export function parseJson(text: string): Parsed {
  try {
    const values: unknown[] = [];
    let at = skip(SPACE, text, 0);
    while (at < text.length) {
      const [value, end] = parseValue(text, at, 0);
      values.push(value);
      at = skip(SPACE, text, end);
    }
    return { values };
  } catch (error) {
    if (error instanceof JsonProblem)
      return { problem: `${error.verdict}: ${lineAndColumn(text, error.at)}: ${error.message}` };
    throw error;
  }
}

function lineAndColumn(text: string, at: number): string {
  const before = text.slice(0, at);
  return `line ${before.split("\n").length}, column ${at - before.lastIndexOf("\n")}`;
}

type Step<T> = [value: T, end: number];

function skip(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : at;
}

function parseValue(text: string, at: number, depth: number): Step<unknown> {
  switch (text[at]) {
    case "{":
      return parseObject(text, at, depth + 1);
    case "[":
      return parseArray(text, at, depth + 1);
    case '"':
      return parseString(text, at);
    default:
      return parseNumberOrWord(text, at);
  }
}

function parseObject(text: string, start: number, depth: number): Step<object> {
  refuseDepth(start, depth);
  const object: Record<string, unknown> = {};
  let at = skip(SPACE, text, start + 1);
  if (text[at] === "}") return [object, at + 1];
  for (let members = 1; ; members++) {
    refuseMore(members, "keys", at);
    if (text[at] !== '"') throw unexpected(text, at, 'a key in double quotes or "}"');
    const [key, afterKey] = parseString(text, at);
    refuseKey(object, key, at);
    at = expect(text, skip(SPACE, text, afterKey), ":");
    [object[key], at] = parseValue(text, skip(SPACE, text, at), depth);
    at = skip(SPACE, text, at);
    if (text[at] === "}") return [object, at + 1];
    at = skip(SPACE, text, expect(text, at, ",", '"," or "}"'));
  }
}

function parseArray(text: string, start: number, depth: number): Step<unknown[]> {
  refuseDepth(start, depth);
  const array: unknown[] = [];
  let at = skip(SPACE, text, start + 1);
  if (text[at] === "]") return [array, at + 1];
  for (;;) {
    const [value, end] = parseValue(text, at, depth);
    refuseMore(array.push(value), "items", at);
    at = skip(SPACE, text, end);
    if (text[at] === "]") return [array, at + 1];
    at = skip(SPACE, text, expect(text, at, ",", '"," or "]"'));
  }
}

function parseString(text: string, start: number): Step<string> {
  let at = start + 1;
  for (;;) {
    at = skip(PLAIN, text, at);
    if (text[at] === '"') return [JSON.parse(text.slice(start, at + 1)) as string, at + 1];
    if (at >= text.length) throw new JsonProblem(start, "a string that never ends");
    const end = text[at] === "\\" ? skip(ESCAPE, text, at) : at;
    if (end === at) throw new JsonProblem(at, "a character that a string may not hold unescaped");
    at = end;
  }
}

function parseNumberOrWord(text: string, at: number): Step<unknown> {
  const numberEnd = skip(NUMBER, text, at);
  if (numberEnd > at) return [finite(text.slice(at, numberEnd), at), numberEnd];
  if (text.startsWith(MINUS_INFINITY, at)) return [Number.NEGATIVE_INFINITY, at + MINUS_INFINITY.length];
  const wordEnd = skip(WORD, text, at);
  switch (text.slice(at, wordEnd)) {
    case "true":
      return [true, wordEnd];
    case "false":
      return [false, wordEnd];
    case "null":
      return [null, wordEnd];
    case "NaN":
      return [Number.NaN, wordEnd];
    case "Infinity":
      return [Number.POSITIVE_INFINITY, wordEnd];
    default:
      throw unexpected(text, at, "a value");
  }
}

function finite(digits: string, at: number): number {
  const value = Number(digits);
  if (!Number.isFinite(value)) throw refusal(at, `the number ${brief(digits)} is too large`);
  return value;
}

function refuseDepth(at: number, depth: number): void {
  if (depth > DEEPEST) throw refusal(at, `nested more than ${DEEPEST} levels deep`);
}

function refuseMore(count: number, what: "keys" | "items", at: number): void {
  if (count > MOST_MEMBERS) throw refusal(at, `more than ${MOST_MEMBERS} ${what}`);
}

function refuseKey(object: object, key: string, at: number): void {
  if (key === "__proto__") throw refusal(at, 'the key "__proto__" is not allowed');
  if (Object.hasOwn(object, key)) throw refusal(at, `the key "${brief(key)}" is given twice`);
}

function expect(text: string, at: number, character: string, wanted = `"${character}"`): number {
  if (text[at] !== character) throw unexpected(text, at, wanted);
  return at + 1;
}

function unexpected(text: string, at: number, wanted: string): JsonProblem {
  if (at >= text.length) return new JsonProblem(text.length, `expected ${wanted}, found the end`);
  const word = text.slice(at, Math.max(at + 1, skip(WORD, text, at)));
  return new JsonProblem(at, `expected ${wanted}, found ${JSON.stringify(brief(word))}`);
}

const brief = (text: string): string => (text.length > 24 ? `${text.slice(0, 24)}...` : text);
