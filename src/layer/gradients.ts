/** Names of gradients. An add hands the gradient of its sum on to what it has added as it is: they are one tensor. */
export const gradientOf = (tensor: string): string => `gradient of ${tensor}`;

/** What one of several readers of a tensor contributes to its gradient. */
export const gradientFrom = (tensor: string, reader: string): string =>
  `gradient of ${tensor} from ${reader}`;

/** The gradients that an operator reads and writes, where they are not simply those of its tensors. */
export interface GradientNames {
  readonly ofOutput?: string;
  readonly ofInput?: string;
}
