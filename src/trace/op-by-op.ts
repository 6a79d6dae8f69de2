import type { Shape } from "../schema/profile.ts";
import type { Call, Launched } from "./launches.ts";
import { callChain, groupBy } from "./launches.ts";
import type { Norm, NormFacts } from "./norm.ts";
import { elements, isSame, isStatisticOf, isWeightOf, shapeOf, typeOf } from "./shapes.ts";

/** An operator and what it launched itself. */
export interface Step {
  readonly call: Call;
  readonly launched: readonly Launched[];
}

/** Operators that launched something, as each thread called them. */
export function stepsByThread(launched: readonly Launched[]): Step[][] {
  const calls = groupBy(
    launched.filter(({ call }) => call !== undefined),
    ({ call }) => call!,
  );
  const steps = [...calls].map(([call, events]): Step => ({ call, launched: events }));
  return [...groupBy(steps, ({ call }) => call.operator.thread).values()].map((thread) =>
    thread.sort((a, b) => a.call.operator.start - b.call.operator.start),
  );
}

/**
 * A norm op by op as a word, a letter an operator, around the one that takes the root of a row's statistic (`q`):
 *
 *   c  rows to a wider type       p  square of the rows     m  mean of each row   s  rows minus their mean
 *   a  statistic plus epsilon     x  rows times the root    w  rows times weight  b  rows plus bias
 *   C  rows to a narrower type    o  weight to a wider type 1  weight plus 1      .  anything else
 *
 * LlamaRMSNorm is `cpma q xCw`, GemmaRMSNorm `cpma q xo1wC`, a LayerNorm op by op `cmspma q xwb`.
 */
const BEFORE = /c?[mps]*m[s]*a?$/;
const BEHIND = /^q*s?x[Cow1b]*/;

/** The same around one kernel that does all of a norm: types are changed before and after, and 1 is added to a weight. */
const BEFORE_NATIVE = /c?[o1]*$/;
const BEHIND_NATIVE = /^C?/;

/** As many operators as a norm can have on either side of its root. */
const REACH = 12;

/** The norms that a thread ran as operators of torch, op by op or native. */
export function normsOf(steps: readonly Step[]): Norm[] {
  const norms: Norm[] = [];
  let from = 0;
  steps.forEach((_, index) => {
    const found = normAt(steps, index, from);
    if (found === undefined) return;
    from = found.end;
    norms.push(found.norm);
  });
  return norms;
}

interface Found {
  readonly norm: Norm;
  /** the first step behind it */
  readonly end: number;
}

const NATIVE = /^aten::(?:native_layer_norm|_fused_rms_norm|rms_norm|_fused_layer_norm)$/;

function normAt(steps: readonly Step[], index: number, from: number): Found | undefined {
  const { operator } = steps[index]!.call;
  if (NATIVE.test(operator.name)) return nativeNorm(steps, index, from);
  const rows = rowsBehindRoot(steps, index, from);
  if (rows === undefined) return undefined;
  const word = (first: number, last: number): string =>
    steps
      .slice(first, last)
      .map((step) => letter(step.call, rows))
      .join("");
  const first = Math.max(from, index - REACH);
  const before = BEFORE.exec(word(first, index))?.[0];
  const behind = BEHIND.exec(word(index + 1, index + 1 + REACH))?.[0];
  if (before === undefined || behind === undefined) return undefined;
  const start = index - before.length;
  const end = index + 1 + behind.length;
  const facts: NormFacts = {
    kind: before.includes("s") || behind.startsWith("s") ? "layernorm" : "rmsnorm",
    implementation: "eager",
    direction: "forward",
    ...sizes(rows),
    dtype: dtypeOf(steps.slice(start, end), rows),
    fusedWith: [],
  };
  return { norm: { ...facts, launched: steps.slice(start, end).flatMap((step) => step.launched) }, end };
}

function nativeNorm(steps: readonly Step[], index: number, from: number): Found | undefined {
  const { operator } = steps[index]!.call;
  const rows = shapeOf(operator, 0);
  if (rows === undefined) return undefined;
  const word = (first: number, last: number): string =>
    steps
      .slice(first, last)
      .map((step) => letter(step.call, rows))
      .join("");
  const before = BEFORE_NATIVE.exec(word(Math.max(from, index - 3), index))![0];
  const behind = BEHIND_NATIVE.exec(word(index + 1, index + 2))![0];
  const end = index + 1 + behind.length;
  const facts: NormFacts = {
    kind: operator.name.includes("rms") ? "rmsnorm" : "layernorm",
    implementation: "native",
    direction: "forward",
    ...sizes(rows),
    dtype: dtypeOf(steps.slice(index - before.length, end), rows),
    fusedWith: [],
  };
  return {
    norm: { ...facts, launched: steps.slice(index - before.length, end).flatMap((step) => step.launched) },
    end,
  };
}

export const sizes = (rows: Shape): Pick<NormFacts, "rows" | "columns"> => ({
  rows: elements(rows.slice(0, -1)),
  columns: rows.at(-1)!,
});

/** The narrowest type in which the rows come and go. */
function dtypeOf(steps: readonly Step[], rows: Shape): string | null {
  const types = steps.flatMap(({ call: { operator } }) =>
    [0, 1].filter((index) => isSame(shapeOf(operator, index), rows)).map((index) => typeOf(operator, index)),
  );
  return (
    types.find((type) => type === "bf16" || type === "fp16") ??
    types.find((type) => type !== undefined) ??
    null
  );
}

const ROOTS = /^aten::(?:rsqrt|sqrt|pow)$/;

/** The shape of the rows whose mean is behind this root; undefined where it is no root of a row's statistic. */
function rowsBehindRoot(steps: readonly Step[], index: number, from: number): Shape | undefined {
  const { operator } = steps[index]!.call;
  const statistic = shapeOf(operator, 0);
  if (!ROOTS.test(operator.name) || statistic === undefined) return undefined;
  for (let before = index - 1; before >= Math.max(from, index - 4); before--) {
    const { operator: mean } = steps[before]!.call;
    const rows = shapeOf(mean, 0);
    if (MEANS.test(mean.name) && rows !== undefined && isStatisticOf(statistic, rows)) return rows;
  }
  return undefined;
}

const MEANS = /^aten::(?:mean|var|sum)$/;

/** What an operator is to a norm of rows of this shape. */
export function letter(call: Call, rows: Shape): string {
  const { operator } = call;
  const first = shapeOf(operator, 0);
  const second = shapeOf(operator, 1);
  const ofRows = isSame(first, rows);
  switch (operator.name) {
    case "aten::copy_":
      return castLetter(call, first, rows);
    case "aten::pow":
    case "aten::square":
      return ofRows ? "p" : isStatisticOf(first, rows) ? "q" : ".";
    case "aten::mean":
    case "aten::var":
    case "aten::sum":
      return ofRows ? "m" : ".";
    case "aten::sub":
      return ofRows && isStatisticOf(second, rows) ? "s" : ".";
    case "aten::rsqrt":
    case "aten::sqrt":
    case "aten::reciprocal":
    case "aten::clamp":
      return isStatisticOf(first, rows) ? "q" : ".";
    case "aten::add":
      return addLetter(first, second, rows);
    case "aten::mul":
    case "aten::div":
      return productLetter(first, second, rows);
    default:
      return ".";
  }
}

function productLetter(first: Shape | undefined, second: Shape | undefined, rows: Shape): string {
  const of = (test: (shape: Shape | undefined, rows: Shape) => boolean): boolean =>
    (isSame(first, rows) && test(second, rows)) || (isSame(second, rows) && test(first, rows));
  if (of(isSame)) return "p";
  if (of(isStatisticOf)) return "x";
  return of(isWeightOf) ? "w" : ".";
}

function addLetter(first: Shape | undefined, second: Shape | undefined, rows: Shape): string {
  if (second === undefined) return isStatisticOf(first, rows) ? "a" : isWeightOf(first, rows) ? "1" : ".";
  const bias = isSame(first, rows) ? second : isSame(second, rows) ? first : undefined;
  return isWeightOf(bias, rows) ? "b" : ".";
}

/** Operators that only change a type; a copy inside any other is that one's. */
const CASTS = /^aten::(?:copy_|_to_copy|to|type_as|float|half|bfloat16|double|rms_norm|layer_norm)$/;

function castLetter(call: Call, shape: Shape | undefined, rows: Shape): string {
  const [to, from] = [typeOf(call.operator, 0), typeOf(call.operator, 1)];
  if (to === from || to === undefined || from === undefined || !isCast(call)) return ".";
  if (isWeightOf(shape, rows)) return "o";
  if (!isSame(shape, rows)) return ".";
  return to === "fp32" ? "c" : "C";
}

const isCast = (call: Call): boolean =>
  callChain(call)
    .filter(({ name }) => name.startsWith("aten::"))
    .every(({ name }) => CASTS.test(name));
