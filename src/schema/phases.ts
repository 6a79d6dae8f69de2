import type { PHASES } from "./vocabulary.ts";

export type Phase = (typeof PHASES)[number];

/** What a phase is. Whatever hangs on a phase asks here, so that another one is one more record. */
interface PhaseFacts {
  /** in a sentence */
  readonly title: string;
  /** what the time of a whole step is to its user */
  readonly stepTitle: string;
  /** a backward pass and an optimizer step follow the forward pass */
  readonly trains: boolean;
  /** one new token a sequence: `context` counts it, and its keys and values are read back from the cache */
  readonly generates: boolean;
  /** the sizes besides the batch that say how much there is to do */
  readonly lengths: readonly ("sequence" | "context")[];
}

export const PHASE_FACTS: Readonly<Record<Phase, PhaseFacts>> = {
  prefill: {
    title: "prefill",
    stepTitle: "time to first token",
    trains: false,
    generates: false,
    lengths: ["sequence", "context"],
  },
  decode: {
    title: "decode",
    stepTitle: "a step takes",
    trains: false,
    generates: true,
    lengths: ["context"],
  },
  train: {
    title: "training",
    stepTitle: "a step takes",
    trains: true,
    generates: false,
    lengths: ["sequence"],
  },
};

export const isPhase = (word: string): word is Phase => Object.hasOwn(PHASE_FACTS, word);

export const trains = (phase: Phase): boolean => PHASE_FACTS[phase].trains;

export const generates = (phase: Phase): boolean => PHASE_FACTS[phase].generates;
