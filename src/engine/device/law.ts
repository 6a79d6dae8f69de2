import type { Kernel, Work } from "../layer/kernel.ts";
import type { Device } from "./device.ts";
import type { Traffic } from "./residency.ts";
import type { Timing } from "./timing.ts";

export type WorkOf<Kind extends Work["kind"]> = Work & { readonly kind: Kind };
type KernelOf<W extends Work> = Kernel & { readonly work: W };

/** One line of a formula: what is computed, and the expression. */
export type Line = readonly [name: string, text: string];

/**
 * The lines from a kernel's work to its time, in the order in which they are computed; the last one is `seconds`. A
 * name in an expression is a line above, a field of the work, the kernel's `flops`, `hbmReadBytes` and `hbmWriteBytes`,
 * a constant of the law, `traffic.hbmBytes` and `traffic.l2Bytes`, a field of the hardware (`hardware.computeUnits`) or
 * a parameter of its calibration (`rowSum.floorSeconds`). A name before a parenthesis is a function.
 */
export type Formula = readonly Line[];

/** Intermediate values of a law, under the names that the lines of its formula give them. */
export type Figures = Readonly<Record<string, number>>;

/** Is given a law's intermediate values where somebody asks for them: returned each time, they would double its cost. */
export type Note = (figures: Figures) => void;

/**
 * How long kernels of one kind take: the code that computes it, and beside it the same as text, which `explain` prints.
 * Every line is the time, one of its terms or a figure that the code notes. The text holds only what applies to the work
 * at hand. A test evaluates each line with the values put in.
 */
export interface Law<W extends Work = Work> {
  readonly time: (kernel: KernelOf<W>, traffic: Traffic, device: Device, note?: Note) => Timing;
  readonly formula: (work: W, device: Device) => Formula;
  readonly constants?: Readonly<Record<string, number>>;
}
