import { withNormalization } from "../engine/alternatives.ts";
import { layerResult } from "../engine/layer-result.ts";
import type { OperatorResult, Result } from "../schema/result.ts";
import type { NormKind } from "../schema/vocabulary.ts";
import { answersOf } from "./answers.ts";
import { savingShare } from "./result-field.ts";

/** The article's 25% as it can be right: forward norms by multi-pass kernels, and what that is of the layer. */
export interface TextbookReading {
  readonly layerNormBytes: number;
  readonly rmsNormBytes: number;
  readonly savedShareOfNormBytes: number;
  readonly savedShareOfTime: number | null;
}

const isForwardNorm = (operator: OperatorResult): boolean =>
  operator.class === "normalization" && !operator.name.endsWith("-backward");

function forwardNormBytes(result: Result, kind: NormKind): number {
  const { operators } = layerResult(withNormalization(result.scenario, kind, "textbook"));
  const norms = operators.filter(isForwardNorm);
  return norms.reduce((bytes, norm) => bytes + norm.hbmReadBytes + norm.hbmWriteBytes, 0);
}

export function textbookReading(result: Result): TextbookReading {
  const layerNormBytes = forwardNormBytes(result, "layernorm");
  const rmsNormBytes = forwardNormBytes(result, "rmsnorm");
  return {
    layerNormBytes,
    rmsNormBytes,
    savedShareOfNormBytes: layerNormBytes === 0 ? 0 : 1 - rmsNormBytes / layerNormBytes,
    savedShareOfTime: savingShare(answersOf(result), "textbook", "textbook"),
  };
}
