import type { Model } from "../schema/model.ts";
import {
  type Architecture,
  activation,
  headWidth,
  keyValueHeads,
  LLAMA_STYLE,
  rotaryPart,
  type SizeNames,
  type Sizes,
  sizes,
  tied,
} from "./parts.ts";
import type { Keys, Reader } from "./reader.ts";

/** What a family of decoders does otherwise than Llama: a type is a few of these. */
export interface Family {
  /** names that its config has for sizes, where they are not Llama's */
  readonly names?: SizeNames & {
    readonly kvHeads?: Keys;
    readonly headDim?: Keys;
    readonly ffn?: Keys;
    readonly activation?: Keys;
  };
  /** what its code fixes and no config changes */
  readonly fixed?: Partial<Architecture>;
  readonly bias?: (read: Reader) => Model["bias"];
  /** the share of a head that RoPE turns where the config does not say it */
  readonly rotary?: number;
  /** what its config says besides: experts, windows, norms */
  readonly also?: (read: Reader, base: Sizes & Architecture) => Partial<Architecture>;
  /** what its layers have that a model file cannot say */
  readonly notes?: readonly string[];
}

/** A function for the table of types. */
export const decoder =
  (family: Family) =>
  (read: Reader): Architecture => {
    const { names = {}, fixed = {}, bias, rotary, also, notes = [] } = family;
    const size = sizes(read, names);
    const headDim = headWidth(read, size, undefined, names.headDim);
    const base: Sizes & Architecture = {
      ...LLAMA_STYLE,
      ...size,
      kvHeads: keyValueHeads(read, size, undefined, names.kvHeads),
      headDim,
      ffn: read.count("ffn", names.ffn ?? "intermediate_size"),
      activation: activation(read, names.activation ?? "hidden_act", "silu"),
      ...(rotary === undefined
        ? {}
        : rotaryPart(read, headDim, ["partial_rotary_factor", "rotary_pct"], rotary)),
      ...tied(read, false),
      ...fixed,
      ...(bias === undefined ? {} : { bias: bias(read) }),
    };
    for (const note of notes) read.note(note);
    return { ...base, ...also?.(read, base) };
  };
