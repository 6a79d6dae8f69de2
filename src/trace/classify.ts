import type { HostOperator } from "../schema/profile.ts";
import type { TraceClass } from "../schema/trace.ts";
import { AROUND_RULES, KERNEL_RULES, OPERATOR_RULES } from "./class-rules.ts";
import { callChain, type Launched } from "./launches.ts";
import { shapeOf, shapesOf } from "./shapes.ts";

/** Names of torch's own kernels say how they walk their data, and no more: who launched them says what for. */
const GENERIC =
  /^(?:void )?(?:at::native::|\(anonymous namespace\)::)+(?:\w*elementwise_kernel\w*|reduce_kernel|CatArray\w*|multi_tensor_apply_kernel(?!.*(?:Optimizer|Adam)))/;

/** The class of what is no normalization. */
export function classOf(launched: Launched): TraceClass | undefined {
  const { event } = launched;
  const chain = callChain(launched.call);
  const [innermost] = chain;
  const around = AROUND_RULES.find(({ operator }) => chain.some(({ name }) => operator.test(name)))?.class;
  if (event.kind !== "kernel")
    return around === "attention" || isMatmul(innermost) ? (around ?? "matmul") : (around ?? "memory");
  const named = classOfName(event.name);
  if (named === "collective") return named;
  if (around !== undefined) return around;
  if (innermost === undefined || !GENERIC.test(event.name)) return named ?? classOfOperator(innermost);
  return classOfOperator(innermost) ?? named;
}

export const classOfName = (name: string): TraceClass | undefined =>
  KERNEL_RULES.find(({ kernel }) => kernel.test(name))?.class;

const isMatmul = (operator: HostOperator | undefined): boolean =>
  operator !== undefined && OPERATOR_RULES[0]!.operator.test(operator.name);

function classOfOperator(operator: HostOperator | undefined): TraceClass | undefined {
  if (operator === undefined) return undefined;
  if (operator.name === "aten::cat") return isHalvesOfHeads(operator) ? "pointwise" : "memory";
  return OPERATOR_RULES.find((rule) => rule.operator.test(operator.name))?.class;
}

/** RoPE op by op puts the two halves of each head together again: concatenated along the last dimension. */
function isHalvesOfHeads(operator: HostOperator): boolean {
  const [first, second] = shapesOf(operator, 0);
  if (first === undefined || second === undefined || first.length !== second.length) return false;
  const sides = first.slice(0, -1);
  return sides.every((size, index) => size === second[index]) && first.length >= 3;
}

/** As many kernels as may stand between the scores, their softmax and the product with the values. */
const REACH = 10;

/**
 * Attention op by op: a softmax over scores of four dimensions, the product before it, the one behind it, and what is
 * done to the scores in between. Both ways.
 */
export function attentionByOperators(launched: readonly Launched[]): ReadonlySet<Launched> {
  const found = new Set<Launched>();
  launched.forEach((one, index) => {
    const softmax = one.call?.operator;
    if (softmax === undefined || !/^aten::_softmax/.test(softmax.name)) return;
    if ((shapeOf(softmax, 0)?.length ?? 0) < 3) return;
    const backward = softmax.name.includes("backward");
    for (const way of [-1, 1]) takeToProduct(launched, index, way, backward, found);
    found.add(one);
  });
  return found;
}

function takeToProduct(
  launched: readonly Launched[],
  index: number,
  way: number,
  backward: boolean,
  into: Set<Launched>,
): void {
  const between: Launched[] = [];
  // backward, each of the products has two gradients
  let products = backward ? 2 : 1;
  for (let step = 1; step <= REACH; step++) {
    const one = launched[index + way * step];
    if (one === undefined) return;
    between.push(one);
    if (!/^aten::b(?:mm|addbmm)$/.test(one.call?.operator.name ?? "")) continue;
    for (const taken of between) into.add(taken);
    between.length = 0;
    products--;
    if (products === 0) return;
  }
}
