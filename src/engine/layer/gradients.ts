/** Name of a tensor's gradient. */
export const gradientOf = (tensor: string): string => `gradient of ${tensor}`;

/** What one of several readers of a tensor contributes to its gradient. */
export const gradientFrom = (tensor: string, reader: string): string =>
  `gradient of ${tensor} from ${reader}`;

/** The gradients that an operator reads and writes, where they are not simply those of its tensors. */
export interface GradientNames {
  readonly ofOutput?: string | undefined;
  readonly ofInput?: string | undefined;
}

export const isGradient = (tensor: string): boolean => tensor.includes("gradient");

/** Of a projection's weight or bias. */
export const isWeightGradient = (tensor: string): boolean => /^gradient of .* (weight|bias)$/.test(tensor);
