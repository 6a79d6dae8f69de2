import type { HostOperator } from "../schema/profile.ts";

/** What a serving engine calls its step. */
export interface ServingStep {
  readonly phase: "prefill" | "decode";
  readonly batch: number;
  readonly context: number | undefined;
}

/** `step[DECODE bs=32]` of SGLang. */
const SGLANG = /^step\[(\w+) bs=(\d+)/;

/** `execute_32_context_0(sq0sk0...)_generation_32(sq32sk55086...)` of vLLM: requests, new tokens, and all tokens. */
const VLLM = /_context_(\d+)\(.*_generation_(\d+)\(sq\d+sk(\d+)/;

export function servingStep(operators: readonly HostOperator[]): ServingStep | undefined {
  const steps = operators.flatMap(({ name }): ServingStep[] => {
    const [, mode, size] = SGLANG.exec(name) ?? [];
    if (mode !== undefined)
      return [
        {
          phase: /decode/i.test(mode) ? "decode" : "prefill",
          batch: Number(size),
          context: undefined,
        } as const,
      ];
    const [, prompts, decoding, tokens] = (VLLM.exec(name) ?? []).map(Number);
    if (prompts === undefined || prompts + decoding! === 0) return [];
    return prompts > 0
      ? [{ phase: "prefill", batch: prompts, context: undefined }]
      : [{ phase: "decode", batch: decoding!, context: Math.round(tokens! / decoding!) }];
  });
  return steps.find(({ context }) => context !== undefined) ?? steps[0];
}
