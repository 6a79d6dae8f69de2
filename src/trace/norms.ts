import { backwardNorms, isBackward } from "./backward.ts";
import { compiledNorm } from "./compiled-norms.ts";
import { functionName, type NamedNorm, namedNorm } from "./kernel-norms.ts";
import { callChain, type Launched } from "./launches.ts";
import { moduleNorms } from "./module-norms.ts";
import type { Norm, NormFacts } from "./norm.ts";
import { normsOf, sizes, stepsByThread } from "./op-by-op.ts";
import { shapeOf, typeOf } from "./shapes.ts";

/** All norms that ran: those of torch's operators and what autograd made of them, then those that kernels' names tell. */
export function allNorms(launched: readonly Launched[]): Norm[] {
  const modules = moduleNorms(launched);
  const inModules = new Set(modules.flatMap((norm) => norm.launched));
  const others = launched.filter((one) => !inModules.has(one));
  const forward = [...modules, ...stepsByThread(others).flatMap(normsOf)];
  const byOperators = [...forward, ...backwardNorms(forward, launched)];
  const taken = new Set(byOperators.flatMap((norm) => norm.launched));
  return [...byOperators, ...withoutParts(normsByName(launched.filter((one) => !taken.has(one))))];
}

/** A backward kernel of a shape that no forward one has adds up parts of the norm before it. */
function withoutParts(norms: readonly Norm[]): Norm[] {
  const shape = ({ rows, columns }: Norm): string => `${rows} ${columns}`;
  const forward = new Set(norms.filter(({ direction }) => direction === "forward").map(shape));
  const whole: Norm[] = [];
  for (const norm of norms) {
    const last = whole.at(-1);
    const isPart = norm.direction === "backward" && forward.size > 0 && !forward.has(shape(norm));
    if (isPart && last?.direction === "backward")
      whole[whole.length - 1] = { ...last, launched: [...last.launched, ...norm.launched] };
    else whole.push(norm);
  }
  return whole;
}

/** A kernel a norm; kernels that only finish a norm belong to the one before them. */
function normsByName(launched: readonly Launched[]): Norm[] {
  const norms: (Norm & { launched: Launched[] })[] = [];
  let last: (typeof norms)[number] | undefined;
  for (const one of launched) {
    const named = nameOf(one);
    if (named === undefined) {
      if (last !== undefined && isWeightGradient(one)) last.launched.push(one);
      else last = undefined;
    } else if (!named.isWhole && last?.direction === named.direction) last.launched.push(one);
    else {
      const { isWhole: _, ...facts } = named;
      last = { ...facts, ...rowsOf(one), launched: [one] };
      norms.push(last);
    }
  }
  return norms;
}

function nameOf(one: Launched): NamedNorm | undefined {
  if (one.event.kind !== "kernel") return undefined;
  if (callChain(one.call).some(({ name }) => /group_norm|batch_norm/.test(name))) return undefined;
  const { name } = one.event;
  const named = compiledNorm(name) ?? namedNorm(name);
  if (named === undefined || /all-?reduce/i.test(named.fusedWith.join())) return undefined;
  return named.direction === "forward" && isBackward(one) && /native_layer_norm|sum/.test(functionName(name))
    ? { ...named, direction: "backward" }
    : named;
}

/** Inductor leaves the last sum of a weight's gradient, and its type, to torch: they follow the norm's own kernel. */
function isWeightGradient({ call }: Launched): boolean {
  const chain = callChain(call);
  const [innermost] = chain;
  if (innermost === undefined || !chain.some(({ name }) => name === "CompiledFunctionBackward")) return false;
  const shape = shapeOf(innermost, 0);
  return innermost.name === "aten::sum"
    ? shape?.length === 2
    : innermost.name === "aten::copy_" && shape?.length === 1;
}

/** Inductor tells rows and columns of a reduction as the last plain arguments; engines' operators take the rows first. */
function rowsOf({ call }: Launched): Pick<NormFacts, "rows" | "columns" | "dtype"> {
  const operator = call?.operator;
  if (operator === undefined) return UNKNOWN_ROWS;
  const { values, shapes } = operator.arguments;
  const tensor = shapes.findIndex(
    (_, index) => typeOf(operator, index) !== undefined && (shapeOf(operator, index)?.length ?? 0) > 1,
  );
  const dtype = tensor < 0 ? null : (typeOf(operator, tensor) ?? null);
  if (operator.name.startsWith("triton_")) {
    const [rows, columns] = values.slice(-2).map(Number);
    const known = values.length >= 2 && isCount(rows) && isCount(columns);
    return { ...(known ? { rows: rows!, columns: columns! } : UNKNOWN_ROWS), dtype: narrowType(operator) };
  }
  if (tensor < 0) return UNKNOWN_ROWS;
  return { ...sizes(shapeOf(operator, tensor)!), dtype };
}

const narrowType = (operator: NonNullable<Launched["call"]>["operator"]): string | null => {
  const types = operator.arguments.types.map((_, index) => typeOf(operator, index));
  return (
    types.find((type) => type === "bf16" || type === "fp16") ??
    types.find((type) => type !== undefined) ??
    null
  );
};

const UNKNOWN_ROWS = { rows: null, columns: null, dtype: null };

const isCount = (value: number | undefined): boolean => Number.isInteger(value) && value! >= 1;
