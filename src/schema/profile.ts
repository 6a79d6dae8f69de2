/** What a profiler recorded of a run, as every reader hands it over, whatever the file's format. Seconds. */
export interface Profile {
  readonly format: ProfileFormat;
  /** names of the GPUs that the file names */
  readonly gpus: readonly string[];
  readonly events: readonly DeviceEvent[];
  readonly operators: readonly HostOperator[];
  /** when the host issued what a device ran, by correlation id */
  readonly launches: ReadonlyMap<number, Launch>;
  /** steps that the run marked (`ProfilerStep#2`), in order */
  readonly steps: readonly Mark[];
  /** which process of how many, where the run was distributed */
  readonly rank: number | undefined;
  readonly worldSize: number | undefined;
  /** what was wrong with the file, in sentences */
  readonly problems: readonly string[];
}

export const PROFILE_FORMATS = [
  "kineto",
  "nsys-cuda-gpu-trace",
  "nsys-cuda-gpu-kern-sum",
  "nsight-compute",
] as const;

export type ProfileFormat = (typeof PROFILE_FORMATS)[number];

/** A kernel, copy or fill that a GPU ran; in a summary all of one name. */
export interface DeviceEvent {
  readonly kind: "kernel" | "copy" | "fill";
  readonly name: string;
  readonly start: number;
  readonly seconds: number;
  /** how many launches: more than 1 in a summary */
  readonly launches: number;
  readonly device: number;
  readonly correlation: number | undefined;
  /** id of the operator that launched it */
  readonly operator: number | undefined;
}

/** An operator, annotation or module of the host's program. */
export interface HostOperator {
  readonly id: number | undefined;
  readonly name: string;
  readonly thread: string;
  readonly start: number;
  readonly seconds: number;
  readonly arguments: Arguments;
  /** of the node of autograd that it makes, or that it runs backward */
  readonly sequence: number | undefined;
}

/** Of each argument the shape (of a list the shapes), the type, and the value where it is a plain one. */
export interface Arguments {
  readonly shapes: readonly (Shape | readonly Shape[])[];
  readonly types: readonly string[];
  readonly values: readonly string[];
}

export type Shape = readonly number[];

export interface Launch {
  readonly thread: string;
  readonly start: number;
}

export interface Mark {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}
