import type { Analysis } from "./analysis.ts";
import { isBackward } from "./backward.ts";
import { groupBy, type Launched } from "./launches.ts";
import { shapeOf, typeOf } from "./shapes.ts";

/** Matrix products of one shape of weights, as a forward pass runs them. */
export interface Product {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
  readonly dtype: string | null;
  /** a step */
  readonly count: number;
  readonly launched: readonly Launched[];
}

/** Longest first. */
export function products({ steps, classes }: Analysis): Product[] {
  const launched = steps.launched.filter((one) => classes.get(one) === "matmul" && !isBackward(one));
  const sized = launched.flatMap((one) => {
    const size = sizeOf(one);
    return size === undefined ? [] : [{ size, one }];
  });
  return [...groupBy(sized, ({ size }) => JSON.stringify(size)).values()]
    .map((alike) => ({
      ...alike[0]!.size,
      count: new Set(alike.map(({ one }) => one.call)).size / steps.count,
      launched: alike.map(({ one }) => one),
    }))
    .sort((a, b) => seconds(b) - seconds(a));
}

const seconds = ({ launched }: Product): number =>
  launched.reduce((sum, { event }) => sum + event.seconds, 0);

/** `mm` takes rows and weights, `addmm` a bias before them. */
function sizeOf({ call }: Launched): Pick<Product, "rows" | "inner" | "columns" | "dtype"> | undefined {
  const operator = call?.operator;
  const first = operator?.name === "aten::mm" ? 0 : operator?.name === "aten::addmm" ? 1 : undefined;
  if (operator === undefined || first === undefined) return undefined;
  const [input, weights] = [shapeOf(operator, first), shapeOf(operator, first + 1)];
  if (input?.length !== 2 || weights?.length !== 2) return undefined;
  return { rows: input[0]!, inner: input[1]!, columns: weights[1]!, dtype: typeOf(operator, first) ?? null };
}
