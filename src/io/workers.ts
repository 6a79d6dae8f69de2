import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";

/** Lines of points from `from` to before `to`, made in another thread in the order they were asked for. */
export interface RowWorker {
  readonly rows: (from: number, to: number) => Promise<string>;
  readonly close: () => Promise<unknown>;
}

export const processors = (): number => availableParallelism();

/** A young generation larger than the cache only makes threads heavier. */
const LIMITS = { maxYoungGenerationSizeMb: 8 };

/** As many threads as asked for, or as many as the system still lets us have: perhaps none. */
export function rowWorkers(count: number, script: string, data: unknown): RowWorker[] {
  const workers: RowWorker[] = [];
  try {
    while (workers.length < count) workers.push(rowWorker(script, data));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_WORKER_INIT_FAILED") throw error;
  }
  return workers;
}

function rowWorker(script: string, data: unknown): RowWorker {
  const worker = new Worker(script, { workerData: data, resourceLimits: LIMITS });
  const waiting: { readonly resolve: (text: string) => void; readonly reject: (error: Error) => void }[] = [];
  worker.on("message", ({ text }: { readonly text: string }) => waiting.shift()?.resolve(text));
  worker.on("error", (error) => {
    for (const { reject } of waiting.splice(0)) reject(error);
  });
  return {
    rows: (from, to) =>
      new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        worker.postMessage({ from, to });
      }),
    close: () => worker.terminate(),
  };
}
