import type { Scenario } from "../../src/schema/scenario.ts";
import { elementwise, exchange, project, projectBackward, type Shape, shapeOf } from "./reference-layer.ts";
import { normSteps, walkStep } from "./reference-norms.ts";
import { type CountedOperator, matmul, pointwise, wide } from "./reference-parts.ts";
import { type Count, times, walked } from "./walk.ts";

/** What a model does before its first layer and behind its last one, and its optimizer, walked element by element. */

const FP32 = 4;
const INDEX = 4;

export interface CountedEnds {
  readonly embedding: readonly CountedOperator[];
  readonly finalNorm: readonly CountedOperator[];
  readonly head: readonly CountedOperator[];
}

const collective = (name: string, ...kernels: Count[]): CountedOperator => ({
  name,
  class: "collective",
  kernels,
});

/** Each rank reads its part, on average as many rows as the others, and writes all of them. */
const gathering = (bytes: number, ranks: number): Count => ({
  flops: 0,
  readBytes: bytes / ranks,
  writeBytes: bytes,
});

/** The mean over all ranks of what each of them counts. */
function meanOverRanks(ranks: number, count: (rank: number) => Count): Count {
  let [flops, readBytes, writeBytes] = [0, 0, 0];
  times(ranks, (rank) => {
    const one = count(rank);
    flops += one.flops / ranks;
    readBytes += one.readBytes / ranks;
    writeBytes += one.writeBytes / ranks;
  });
  return { flops, readBytes, writeBytes };
}

/** Tokens are all different; each rank of a group has the rows of every so many-th of them. */
const rowIsHere = (token: number, rank: number, ranks: number): boolean => token % ranks === rank;

function lookUp(s: Shape, rank: number): Count {
  return walked((walk) => {
    const [indices, table] = [walk.reads(s.tokens, INDEX), walk.reads(s.tokens * s.hidden, s.plainWeight)];
    const out = walk.writes(s.tokens * s.hidden, s.activation);
    times(s.tokens, (token) => {
      indices(token);
      times(s.hidden, (channel) => {
        if (rowIsHere(token, rank, s.ranks)) table(token * s.hidden + channel);
        out(token * s.hidden + channel);
      });
    });
  });
}

/** The gradient of a row is read, the token's added, and written. */
function lookUpBackward(s: Shape, rank: number): Count {
  return walked((walk) => {
    const elements = s.tokens * s.hidden;
    const dy = walk.reads(elements, s.activation);
    const [row, sum] = [walk.reads(elements, s.plainWeight), walk.writes(elements, s.plainWeight)];
    times(elements, (element) => {
      dy(element);
      if (!rowIsHere(Math.floor(element / s.hidden), rank, s.ranks)) return;
      row(element);
      sum(element);
      walk.operations(1);
    });
  });
}

/** Every token of a rank with the row of its position: a rank has the same positions of every sequence. */
function eachPosition(s: Shape, visit: (element: number, inTable: number) => void): void {
  const positions = Math.ceil((s.sequence * s.ownTokens) / s.tokens);
  times(s.ownTokens, (token) => {
    times(s.hidden, (channel) => {
      visit(token * s.hidden + channel, (token % positions) * s.hidden + channel);
    });
  });
}

function addPositions(s: Shape): Count {
  return walked((walk) => {
    const own = s.ownTokens * s.hidden;
    const [x, y] = [walk.reads(own, s.activation), walk.writes(own, s.activation)];
    const table = walk.reads(own, s.plainWeight);
    eachPosition(s, (element, inTable) => {
      x(element);
      table(inTable);
      y(element);
      walk.operations(1);
    });
  });
}

function addPositionsBackward(s: Shape): Count {
  return walked((walk) => {
    const own = s.ownTokens * s.hidden;
    const [dy, sum] = [walk.reads(own, s.activation), walk.writes(own, s.plainWeight)];
    eachPosition(s, (element, inTable) => {
      dy(element);
      sum(inTable);
      walk.operations(1);
    });
  });
}

export function countedEnds(scenario: Scenario): CountedEnds {
  const { model, normalization, parallelism, workload } = scenario;
  const s = shapeOf(scenario);
  const split = parallelism.sequenceParallel && s.ranks > 1;
  const train = workload.phase === "train";
  const learned = model.positions === "learned";
  const when = <T>(condition: boolean, ...items: T[]): T[] => (condition ? items : []);

  const sum = (name: string, suffix = "") => {
    const operation = split ? "reduce-scatter" : "all-reduce";
    return when(s.ranks > 1, collective(`${name}-${operation}${suffix}`, exchange(s, operation)));
  };
  const norm = (name: string, beforeMatmul: boolean): CountedOperator[] => {
    const asked = normalization.implementation as string;
    const done =
      asked === "residual-fused" || (asked === "folded" && (!beforeMatmul || normalization.kind === "dyt"))
        ? "fused"
        : asked;
    const kernels = (direction: "forward" | "backward") =>
      normSteps(normalization.kind, done, direction, model.normOffset).map((step) =>
        walkStep(step, s.ownTokens, s.hidden, s.activation, s.plainWeight),
      );
    const operator = (suffix: string, direction: "forward" | "backward"): CountedOperator => ({
      name: name + suffix,
      class: "normalization",
      kernels: kernels(direction),
    });
    return [operator("", "forward"), ...when(train, operator("-backward", "backward"))];
  };

  const embedding = [
    pointwise(
      "embedding",
      meanOverRanks(s.ranks, (rank) => lookUp(s, rank)),
    ),
    ...sum("embedding"),
    ...when(learned, pointwise("position-embedding", addPositions(s))),
    ...(model.embeddingNorm === true ? norm("embedding-norm", false) : []),
    ...when(train && learned, pointwise("position-embedding-backward", addPositionsBackward(s))),
    ...when(
      train && split,
      collective("embedding-all-gather-backward", gathering(s.tokens * s.hidden * s.activation, s.ranks)),
    ),
    ...when(
      train,
      pointwise(
        "embedding-backward",
        meanOverRanks(s.ranks, (rank) => lookUpBackward(s, rank)),
      ),
    ),
  ];

  // only the last token of each sequence is asked for the next one
  const rows = train ? s.tokens : s.batch;
  const inputs = rows * s.hidden * s.activation;
  const columns = Math.ceil(model.vocabulary / s.ranks);
  const logits = rows * columns;
  const gathered = rows * model.vocabulary * s.activation;
  const loss = pointwise(
    "cross-entropy",
    elementwise(logits, 6, [s.activation], [FP32]),
    elementwise(logits, 6, [FP32], [s.activation]),
  );
  const statistic = elementwise(rows, 0, [FP32], [FP32]);
  const head = [
    ...when(split, collective("output-head-all-gather", gathering(inputs, s.ranks))),
    matmul("output-head", project(wide(s), rows, columns, s.hidden, false)),
    ...when(!train && s.ranks > 1, collective("logits-all-gather", gathering(gathered, s.ranks))),
    ...when(train, loss),
    // a row's largest logit, its sum of exponentials, and the logit of the right token
    ...when(train && s.ranks > 1, collective("cross-entropy-all-reduce", statistic, statistic, statistic)),
    ...when(
      train,
      matmul("output-head-backward", ...projectBackward(wide(s), rows, columns, s.hidden, false)),
      ...sum("output-head", "-backward"),
    ),
  ];
  return {
    embedding,
    finalNorm: model.normPlacement === "post" ? [] : norm("final-norm", true),
    head: (model.outputHead ?? model.causal) ? head : [],
  };
}

/** AdamW: parameter by parameter, with an fp32 copy of each weight that is stored narrower. */
export function countedOptimizer(parameters: number, weightBytes: number): Count {
  return walked((walk) => {
    const gradient = walk.reads(parameters, weightBytes);
    // the weight, its mean gradient, and the mean of its square
    const states = [0, 1, 2].map(
      () => [walk.reads(parameters, FP32), walk.writes(parameters, FP32)] as const,
    );
    const stored = weightBytes < FP32 ? walk.writes(parameters, weightBytes) : undefined;
    times(parameters, (parameter) => {
      gradient(parameter);
      for (const [read, write] of states) {
        read(parameter);
        write(parameter);
      }
      stored?.(parameter);
      // decay, three for the mean, four for the mean square, its root, epsilon, quotient, difference
      walk.operations(1 + 3 + 4 + 1 + 1 + 1 + 1);
    });
  });
}
