/** What a kernel waits for, each term alone, seconds. `bound` names the largest. */
export interface Terms {
  readonly compute: number;
  readonly memory: number;
  readonly cache: number;
  /** floors, latency along a row, and instruction issue: waiting that more bytes or FLOPs per second would not cure */
  readonly latency: number;
  readonly network: number;
}

/** Time of one kernel on an otherwise idle device, seconds, and its terms. */
export interface Timing {
  readonly seconds: number;
  readonly terms: Terms;
}

export const timing = (
  seconds: number,
  { compute = 0, memory = 0, cache = 0, latency = 0, network = 0 }: Partial<Terms>,
): Timing => ({ seconds, terms: { compute, memory, cache, latency, network } });
