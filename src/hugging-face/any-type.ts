import { firstArchitecture } from "./config.ts";
import { layersOf } from "./layer-kinds.ts";
import type { Architecture } from "./parts.ts";
import type { Config, Reader } from "./reader.ts";

/** What a config.json of any type may say, whatever its type does by itself. */
export function ofAnyType(read: Reader, own: Architecture, file: Config): Architecture {
  const causal = own.causal && seesOnlyBefore(read);
  return { ...own, ...listedWindow(read, own), causal, ...outputHead(read, own, causal, file) };
}

/** Engines follow `layer_types` in configs of types whose own code knows no window. */
const listedWindow = (read: Reader, { layers, layerKinds, slidingWindow, experts }: Architecture) =>
  layerKinds === undefined && slidingWindow === undefined && read.peek("layer_types") !== undefined
    ? layersOf(read, layers, { experts })
    : {};

/** Models that embed texts were often made of decoders: tokens then see those after them too. */
function seesOnlyBefore(read: Reader): boolean {
  const isCausal = read.peek("is_causal") === undefined || read.flag("causal", "is_causal", true);
  const bidirectional = "use_bidirectional_attention";
  return isCausal && !(read.peek(bidirectional) === true && read.flag("causal", bidirectional, false));
}

/** Classes whose last layer is followed by logits over the vocabulary; of other classes it is not. */
const WITH_HEAD =
  /(ForCausalLM|LMHeadModel|DoubleHeadsModel|ForConditionalGeneration|ForMaskedLM|ForPreTraining)$/;
const IS_CLASS = /(Model|For[A-Z]\w*)$/;

/** A decoder's head; an encoder's is left out by its type, which says so. */
function outputHead(read: Reader, own: Architecture, causal: boolean, file: Config): Partial<Architecture> {
  const name = firstArchitecture(file) ?? firstArchitecture(read.config);
  if (!own.causal || own.outputHead !== undefined || name === undefined || !IS_CLASS.test(name)) return {};
  if (WITH_HEAD.test(name)) return causal ? {} : keptHead(read, name);
  read.note(
    `${name} gives no logits over the vocabulary: output head left out (--set model.outputHead=true adds it)`,
  );
  return { outputHead: false };
}

function keptHead(read: Reader, name: string): Partial<Architecture> {
  read.note(
    `output head kept, as ${name} has it, though tokens see those after them (--set model.outputHead=false leaves it out)`,
  );
  return { outputHead: true };
}
