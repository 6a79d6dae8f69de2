import type { RowWorker } from "./workers.ts";

/** Few enough that a signal is heard at once and little text waits, many enough that sending them takes no time. */
const CHUNK_POINTS = 512;

export interface Chunk {
  readonly text: string;
  readonly points: number;
}

/** Lines that are being made, or will be: by no thread yet, by another one, or made. */
interface Pending {
  readonly from: number;
  readonly to: number;
  text: string | Promise<string> | undefined;
}

/** Chunks of lines that may lie ready, or be asked for, beyond the one that is wanted: for each thread. */
const AHEAD = 3;

/**
 * The lines in order, whoever makes them: other threads, and this one while it waits for theirs. Only so many chunks are
 * ahead of the one that is wanted, however long that takes.
 */
export async function* chunks(
  own: (from: number, to: number) => string,
  others: readonly RowWorker[],
  from: number,
  to: number,
): AsyncGenerator<Chunk> {
  const queue: Pending[] = [];
  let next = from;
  const window = AHEAD * (others.length + 1);
  // twice each: a thread has the next chunk at hand while the last one is on its way here
  const idle = [...others, ...others];
  const isWaiting = ({ text }: Pending): boolean => text === undefined;
  const ask = (worker: RowWorker): void => {
    const chunk = queue.find(isWaiting);
    if (chunk === undefined) {
      idle.push(worker);
      return;
    }
    const made = worker.rows(chunk.from, chunk.to);
    chunk.text = made;
    const done = (text: string): void => {
      chunk.text = text;
      ask(worker);
    };
    // who waits for the chunk hears of a failure
    made.then(done, () => {});
  };
  const lookAhead = (): void => {
    for (; queue.length < window && next < to; next = queue.at(-1)!.to)
      queue.push({ from: next, to: Math.min(to, next + CHUNK_POINTS), text: undefined });
    for (const worker of idle.splice(0)) ask(worker);
  };
  try {
    lookAhead();
    while (queue.length > 0) {
      const first = queue[0]!;
      // instead of waiting this thread makes lines itself
      const mine = typeof first.text === "string" ? undefined : queue.find(isWaiting);
      if (mine !== undefined) mine.text = own(mine.from, mine.to);
      else if (first.text instanceof Promise) await first.text;
      // lets signals and other threads in
      await new Promise((resolve) => setImmediate(resolve));
      if (typeof first.text !== "string") continue;
      yield { text: first.text, points: first.to - first.from };
      queue.shift();
      lookAhead();
    }
  } finally {
    await Promise.all(others.map((worker) => worker.close()));
  }
}
