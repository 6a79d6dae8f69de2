import type { OperatorClass, OperatorResult, Result } from "./result.ts";

/** Seconds of a layer's operators by class; nothing of classes that it does not have. */
export type ClassSeconds = { readonly [C in OperatorClass]?: number };

export function secondsByClass(
  operators: readonly Pick<OperatorResult, "class" | "seconds">[],
): ClassSeconds {
  const sums: { [C in OperatorClass]?: number } = {};
  for (const { class: name, seconds } of operators) sums[name] = (sums[name] ?? 0) + seconds;
  return sums;
}

/** What an operator asks of HBM. */
export const hbmBytesOf = ({
  hbmReadBytes,
  hbmWriteBytes,
}: Pick<OperatorResult, "hbmReadBytes" | "hbmWriteBytes">): number => hbmReadBytes + hbmWriteBytes;

/** FLOPs of a whole layer over its bytes; 0 without traffic. */
export const layerIntensity = ({ flops, hbmBytes }: Result["layer"]): number =>
  hbmBytes === 0 ? 0 : flops / hbmBytes;
