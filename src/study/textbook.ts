import type { Result } from "../schema/result.ts";
import type { NormKind } from "../schema/vocabulary.ts";
import { answersOf } from "./answers.ts";
import { savingShare } from "./result-field.ts";
import { alternative } from "./savings.ts";

/** The article's 25% as it can be right: forward norms by multi-pass kernels, and what that is of the layer. */
export interface TextbookReading {
  readonly layerNormBytes: number;
  readonly rmsNormBytes: number;
  readonly savedShareOfNormBytes: number;
  readonly savedShareOfTime: number | null;
}

const forwardNormBytes = (result: Result, kind: NormKind): number =>
  alternative(result, kind, "textbook")!.normalizationForwardHbmBytes;

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
