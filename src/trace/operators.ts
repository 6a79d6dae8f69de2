import { sumOf } from "../engine/layer/kernel.ts";
import { simulate } from "../engine/simulate.ts";
import type { TraceAnswer } from "../schema/trace.ts";
import type { Analysis } from "./analysis.ts";
import { isBackward } from "./backward.ts";
import type { Launched } from "./launches.ts";
import type { Product } from "./products.ts";
import { products } from "./products.ts";
import type { TracedScenario } from "./scenario.ts";

type OperatorRow = TraceAnswer["operators"][number];

/** Operators of the layer that shapes tell apart, forward: what they took, and what the engine says they take. */
export function operatorRows(analysis: Analysis, traced: TracedScenario): OperatorRow[] {
  const { operators } = simulate(traced.scenario);
  const { layers } = traced.scenario.model;
  return measuredOperators(analysis, traced).map(({ names, name, count, launched }) => {
    const predicted = operators.filter((operator) => names.includes(operator.name));
    return {
      name,
      count,
      measuredSeconds: sumOf(launched, ({ event }) => event.seconds) / analysis.steps.count,
      predictedSeconds: predicted.length === 0 ? null : layers * sumOf(predicted, ({ seconds }) => seconds),
    };
  });
}

interface Measured {
  readonly name: string;
  /** the engine's operators that it stands for */
  readonly names: readonly string[];
  readonly count: number;
  readonly launched: readonly Launched[];
}

function measuredOperators(analysis: Analysis, { scenario }: TracedScenario): Measured[] {
  const { hidden, heads, kvHeads, headDim, ffn, layers } = scenario.model;
  const found = products(analysis);
  const queries = heads * headDim;
  const keys = kvHeads * headDim;
  const of = (name: string, isIt: (product: Product) => boolean): Measured => {
    const those = found.filter((product) => product.count >= layers && isIt(product));
    return {
      name,
      names: [name],
      count: sumOf(those, ({ count }) => count),
      launched: those.flatMap(({ launched }) => launched),
    };
  };
  const into =
    (inner: number, ...widths: readonly number[]) =>
    (product: Product): boolean =>
      product.inner === inner && widths.includes(product.columns);
  const isSquare = queries === hidden;
  const projections = of("qkv-projection", into(hidden, queries, keys, queries + 2 * keys));
  const output = of("output-projection", into(queries, hidden));
  const all: Measured[] = [
    // of equal shapes nobody can tell queries from output
    ...(isSquare
      ? [
          {
            ...projections,
            name: "qkv and output projections",
            names: ["qkv-projection", "output-projection"],
          },
        ]
      : [projections, output]),
    {
      ...of("gate-up-projection", into(hidden, ffn, 2 * ffn)),
      names: ["gate-up-projection", "up-projection"],
    },
    of("down-projection", into(ffn, hidden)),
    attention(analysis),
    norms(analysis, hidden),
  ];
  return all.filter(({ launched }) => launched.length > 0);
}

function attention({ steps, classes }: Analysis): Measured {
  const launched = steps.launched.filter((one) => classes.get(one) === "attention" && !isBackward(one));
  const calls = new Set(launched.map(({ call, event }) => call ?? event)).size;
  return { name: "attention", names: ["attention"], count: calls / steps.count, launched };
}

/** Without the final one, which is none of a layer's: the last of each step. */
function norms(analysis: Analysis, hidden: number): Measured {
  const { steps } = analysis;
  const wide = analysis.norms.filter(
    ({ columns, direction }) => columns === hidden && direction === "forward",
  );
  const each = wide.length / steps.count;
  const ofLayers = wide.filter((_, index) => each % 2 === 0 || (index + 1) % each !== 0);
  return {
    name: "norms of the layers",
    names: ["attention-norm", "ffn-norm", "post-attention-norm", "post-ffn-norm"],
    count: ofLayers.length / steps.count,
    launched: ofLayers.flatMap(({ launched }) => launched),
  };
}
