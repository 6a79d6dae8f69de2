import type { Scenario } from "../../src/schema/scenario.ts";
import { elementwise, projectBackward, type Shape } from "./reference-layer.ts";
import { type CountedOperator, expertsOf, matmul, pointwise, wide } from "./reference-parts.ts";
import { type Count, times, walked } from "./walk.ts";

/** Gradients of experts and of latent attention, walked element by element. */

const FP32 = 4;
const INDEX = 4;
/** softmax forward, and its gradient */
const SOFTMAX = { forward: 6, backward: 5 };

type Named = (name: string, elements: number) => CountedOperator[];

/** Every row that an expert computes: which token it is a copy of, and every element of it. */
function eachRowElement(
  s: Shape,
  perToken: number,
  visit: (row: number, token: number, channel: number) => void,
): void {
  times(s.tokens, (token) => {
    times(perToken, (choice) => {
      times(s.hidden, (channel) => visit(token * perToken + choice, token, channel));
    });
  });
}

/** The sum over a token's experts of gate times output, backward. */
function combineBackward(s: Shape, perToken: number, eager: boolean): Count[] {
  const rows = s.tokens * perToken;
  const H = s.hidden;
  const weighted = walked((walk) => {
    const dy = walk.reads(s.tokens * H, s.activation);
    const gates = walk.reads(rows, FP32);
    const places = eager ? undefined : walk.reads(rows, INDEX);
    const out = walk.writes(rows * H, s.activation);
    eachRowElement(s, perToken, (row, token, channel) => {
      dy(token * H + channel);
      gates(row);
      places?.(row);
      out(row * H + channel);
      walk.operations(1);
    });
  });
  const ofGates = walked((walk) => {
    const dy = walk.reads(s.tokens * H, s.activation);
    const outputs = walk.reads(rows * H, s.activation);
    const places = eager ? undefined : walk.reads(rows, INDEX);
    const out = walk.writes(rows, FP32);
    eachRowElement(s, perToken, (row, token, channel) => {
      dy(token * H + channel);
      outputs(row * H + channel);
      places?.(row);
      out(row);
      // a product and its sum
      walk.operations(2);
    });
  });
  const reordered = walked((walk) => {
    const from = walk.reads(rows * H, s.activation);
    const places = walk.reads(rows, INDEX);
    const to = walk.writes(rows * H, s.activation);
    eachRowElement(s, perToken, (row, _, channel) => {
      from(row * H + channel);
      places(row);
      to(row * H + channel);
    });
  });
  return eager ? [weighted, ofGates, reordered] : [weighted, ofGates];
}

/** A token's gradient is the sum of those of its copies. */
const dispatchBackward = (s: Shape, perToken: number): Count =>
  walked((walk) => {
    const rows = s.tokens * perToken;
    const copies = walk.reads(rows * s.hidden, s.activation);
    const places = walk.reads(rows, INDEX);
    const dx = walk.writes(s.tokens * s.hidden, s.activation);
    eachRowElement(s, perToken, (row, token, channel) => {
      copies(row * s.hidden + channel);
      places(row);
      dx(token * s.hidden + channel);
      walk.operations(1);
    });
  });

/** Gradients of the chosen gates, scattered among those not chosen, and the softmax over all experts backward. */
function selectionBackward(s: Shape, experts: number, perToken: number, eager: boolean): Count[] {
  const scores = s.tokens * experts;
  const chosen = s.tokens * perToken;
  const kernel = (operations: number, reads: readonly number[], scattered: boolean, written: number): Count =>
    walked((walk) => {
      const touches = [...reads.map((bytes) => walk.reads(scores, bytes)), walk.writes(scores, written)];
      times(scores, (score) => {
        walk.operations(operations);
        for (const touch of touches) touch(score);
      });
      if (!scattered) return;
      const gates = walk.reads(chosen, FP32);
      const which = walk.reads(chosen, INDEX);
      times(chosen, (choice) => {
        gates(choice);
        which(choice);
      });
    });
  return eager
    ? [kernel(0, [], true, FP32), kernel(SOFTMAX.backward, [FP32, FP32], false, s.activation)]
    : [kernel(SOFTMAX.forward + SOFTMAX.backward, [s.activation], true, s.activation)];
}

/** y = gate * shared, one gate a token: gradients of both. */
function sharedScaleBackward(s: Shape): Count[] {
  const a = s.activation;
  const elements = s.tokens * s.hidden;
  const scaled = walked((walk) => {
    const [dy, gate, out] = [walk.reads(elements, a), walk.reads(s.tokens, a), walk.writes(elements, a)];
    times(elements, (element) => {
      dy(element);
      gate(Math.floor(element / s.hidden));
      out(element);
      walk.operations(1);
    });
  });
  const ofGate = walked((walk) => {
    const [dy, shared, out] = [walk.reads(elements, a), walk.reads(elements, a), walk.writes(s.tokens, a)];
    times(elements, (element) => {
      dy(element);
      shared(element);
      out(Math.floor(element / s.hidden));
      walk.operations(2);
    });
  });
  return [scaled, ofGate];
}

/** The experts' tensor is read by the router, the copies, and the shared experts: their gradients are added. */
export function countedExpertsBackward(
  scenario: Scenario,
  s: Shape,
  activation: Named,
  addInBlock: (name: string) => CountedOperator[],
): CountedOperator[] {
  const e = expertsOf(scenario, s);
  const { given, rows, a } = e;
  const eager = scenario.kernels.pointwise === "eager";
  const gated =
    e.shared > 0 && given.sharedGate
      ? [
          pointwise("shared-expert-scale-backward", ...sharedScaleBackward(s)),
          matmul("shared-expert-gate-backward", ...projectBackward(wide(s), s.tokens, 1, s.hidden, false)),
        ]
      : [];
  const shared =
    e.shared === 0
      ? []
      : [
          ...gated,
          matmul(
            "shared-down-projection-backward",
            ...projectBackward(s, s.tokens, s.hidden, e.shared, e.bias),
          ),
          ...activation("shared-activation-backward", s.tokens * e.shared),
          matmul(
            `shared-${e.names}-backward`,
            ...projectBackward(s, s.tokens, e.width(e.shared), s.hidden, e.bias),
          ),
        ];
  return [
    ...shared,
    pointwise("expert-combine-backward", ...combineBackward(s, given.perToken, eager)),
    ...e.exchanged("expert-combine-all-to-all-backward", a),
    matmul("down-projection-backward", ...e.groupedBackward(s.hidden, e.ffn)),
    ...activation("activation-backward", rows * e.ffn),
    matmul(`${e.names}-backward`, ...e.groupedBackward(e.width(e.ffn), s.hidden)),
    ...e.exchanged("expert-dispatch-all-to-all-backward", a),
    pointwise("expert-dispatch-backward", dispatchBackward(s, given.perToken)),
    ...(shared.length > 0 ? addInBlock("shared-expert-add-backward") : []),
    ...(gated.length > 0 ? addInBlock("shared-gate-input-backward") : []),
    pointwise("expert-selection-backward", ...selectionBackward(s, given.count, given.perToken, eager)),
    matmul("router-backward", ...projectBackward(wide(s), s.tokens, given.count, s.hidden, e.bias)),
    ...addInBlock("router-input-backward"),
  ];
}

/** What is behind attention's own gradients: two ways up, two norms, two ways down, and what was split or joined. */
export function countedLatentBackward(
  { model }: Scenario,
  s: Shape,
  norm: (name: string, rows: number, columns: number) => CountedOperator[],
  rope: readonly CountedOperator[],
  addInBlock: (name: string) => CountedOperator[],
): CountedOperator[] {
  const { queryRank, keyValueRank, nopeDim, ropeDim } = model.latentAttention!;
  const bias = model.bias !== "none";
  const a = s.activation;
  const rows = s.tokens * s.heads;
  const queryWidth = s.heads * (nopeDim + ropeDim);
  const project = (name: string, n: number, k: number, adds: boolean): CountedOperator =>
    matmul(`${name}-backward`, ...projectBackward(s, s.tokens, n, k, adds));
  const copy = (elements: number): Count => elementwise(elements, 0, [a], [a]);
  // all heads share the one turned key
  const turnedKey = walked((walk) => {
    const [perHead, one] = [walk.reads(rows * ropeDim, a), walk.writes(s.tokens * ropeDim, a)];
    times(rows, (row) => {
      times(ropeDim, (channel) => {
        perHead(row * ropeDim + channel);
        one(Math.floor(row / s.heads) * ropeDim + channel);
        walk.operations(1);
      });
    });
  });
  const queries =
    queryRank === undefined
      ? [project("query-projection", queryWidth, s.hidden, false)]
      : [
          project("query-up-projection", queryWidth, queryRank, false),
          ...norm("query-latent-norm", s.tokens, queryRank),
          project("query-down-projection", queryRank, s.hidden, bias),
        ];
  return [
    pointwise(
      "rope-join-backward",
      copy(rows * (nopeDim + ropeDim)),
      copy(rows * (nopeDim + s.headDim)),
      turnedKey,
    ),
    project("kv-up-projection", s.heads * (nopeDim + s.headDim), keyValueRank, false),
    ...rope,
    ...norm("kv-latent-norm", s.tokens, keyValueRank),
    pointwise("kv-latent-join-backward", copy(s.tokens * (keyValueRank + ropeDim))),
    project("kv-down-projection", keyValueRank + ropeDim, s.hidden, bias),
    ...queries,
    ...addInBlock("latent-input-backward"),
  ];
}
