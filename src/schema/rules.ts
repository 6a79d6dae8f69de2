import { generates, PHASE_FACTS, type Phase } from "./phases.ts";
/** What only shows where fields of a model, or of a workload, meet that are each valid on their own. */
export interface Rule<T> {
  /** paths of the fields that it looks at */
  readonly reads: readonly string[];
  readonly problems: (whole: T) => readonly Problem[];
}

/** What is wrong, at the field that it is said of. */
interface Problem {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** `heads.kind[2].name` */
export const pathText = (path: readonly PropertyKey[]): string =>
  path
    .map((key) => (typeof key === "number" ? `[${key}]` : `.${String(key)}`))
    .join("")
    .replace(/^\./, "");

const unless = (holds: boolean, path: Problem["path"], message: string): Problem[] =>
  holds ? [] : [{ path, message }];

/** The fields of a model that others must fit. */
interface Sizes {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly rotaryDim?: number | undefined;
  readonly experts?: { readonly count: number; readonly perToken: number } | undefined;
  readonly latentAttention?: object | undefined;
  readonly slidingWindow?: number | undefined;
  readonly chunkedWindow?: boolean | undefined;
  readonly layers: number;
  readonly layerKinds?: readonly Kind[] | undefined;
}

interface Kind {
  readonly name: string;
  readonly layers: number;
  readonly feedForward?: "experts" | "dense" | undefined;
  readonly attention?: "window" | "full" | undefined;
  readonly heads?: number | undefined;
  readonly kvHeads?: number | undefined;
  readonly headDim?: number | undefined;
  readonly rotaryDim?: number | undefined;
}

export const MODEL_RULES: readonly Rule<Sizes>[] = [
  {
    reads: ["heads", "kvHeads"],
    problems: ({ heads, kvHeads }) =>
      unless(heads % kvHeads === 0, ["kvHeads"], `expected a divisor of heads (${heads}), got ${kvHeads}`),
  },
  {
    reads: ["rotaryDim", "headDim"],
    problems: ({ rotaryDim = 0, headDim }) =>
      unless(rotaryDim <= headDim, ["rotaryDim"], "expected at most headDim"),
  },
  {
    reads: ["experts"],
    problems: ({ experts }) =>
      unless(
        experts === undefined || experts.perToken <= experts.count,
        ["experts", "perToken"],
        "expected at most experts.count",
      ),
  },
  {
    reads: ["latentAttention", "heads", "kvHeads"],
    problems: ({ latentAttention, heads, kvHeads }) =>
      unless(
        latentAttention === undefined || heads === kvHeads,
        ["kvHeads"],
        "expected heads: with latentAttention every head has keys and values of its own",
      ),
  },
  {
    reads: ["chunkedWindow", "slidingWindow"],
    problems: ({ chunkedWindow, slidingWindow }) =>
      unless(
        chunkedWindow !== true || slidingWindow !== undefined,
        ["chunkedWindow"],
        "expected a slidingWindow: the length of the chunks",
      ),
  },
  {
    reads: ["layers", "layerKinds"],
    problems: ({ layers, layerKinds = [] }) => {
      const sum = layerKinds.reduce((total, kind) => total + kind.layers, 0);
      return unless(
        layerKinds.length === 0 || sum === layers,
        ["layerKinds"],
        `expected kinds of ${layers} layers together, got ${sum}`,
      );
    },
  },
  { reads: ["layerKinds", "experts", "slidingWindow"], problems: kindProblems },
  { reads: ["layerKinds", "heads", "kvHeads", "headDim", "rotaryDim"], problems: headProblems },
];

/** Heads that a kind of layers has of its own fit those that it has from the model. */
function headProblems(model: Sizes): Problem[] {
  return (model.layerKinds ?? []).flatMap((kind, index) => {
    const { heads = model.heads, kvHeads = model.kvHeads, headDim = model.headDim } = kind;
    const { rotaryDim = model.rotaryDim ?? 0 } = kind;
    const own = [kind.heads, kind.kvHeads, kind.headDim, kind.rotaryDim].some((size) => size !== undefined);
    const at = (field: string) => ["layerKinds", index, field];
    if (!own) return [];
    return [
      ...unless(
        heads % kvHeads === 0,
        at("kvHeads"),
        `expected a divisor of heads (${heads}), got ${kvHeads}`,
      ),
      ...unless(rotaryDim <= headDim, at("rotaryDim"), `expected at most headDim (${headDim})`),
    ];
  });
}

/** A name of its own for each kind of layer, and nothing in it that the model has not. */
function kindProblems({ layerKinds = [], experts, slidingWindow }: Sizes): Problem[] {
  const names = layerKinds.map(({ name }) => name);
  return layerKinds.flatMap(({ name, feedForward, attention }, index) => {
    const at = (field: string) => ["layerKinds", index, field];
    return [
      ...unless(names.indexOf(name) === index, at("name"), "expected a name of its own"),
      ...unless(
        feedForward !== "experts" || experts !== undefined,
        at("feedForward"),
        "expected dense: the model has no experts",
      ),
      ...unless(
        attention !== "window" || slidingWindow !== undefined,
        at("attention"),
        "expected full: the model has no slidingWindow",
      ),
    ];
  });
}

interface Tokens {
  readonly phase: Phase;
  readonly sequence?: number | undefined;
  readonly context: number;
}

export const WORKLOAD_RULES: readonly Rule<Tokens>[] = [
  {
    reads: ["phase", "sequence"],
    problems: ({ phase, sequence = 1 }) =>
      unless(
        !generates(phase) || sequence === 1,
        ["sequence"],
        `expected 1 in ${phase} (one new token per sequence; use context for the tokens before it)`,
      ),
  },
  {
    reads: ["phase", "sequence"],
    problems: ({ phase, sequence }) =>
      unless(
        generates(phase) || sequence !== undefined,
        ["sequence"],
        "expected a whole number of at least 1, got nothing",
      ),
  },
  {
    reads: ["phase", "context"],
    problems: ({ phase, context }) =>
      unless(
        PHASE_FACTS[phase].lengths.includes("context") || context === 0,
        ["context"],
        `expected 0 in ${phase}`,
      ),
  },
];
