import type { Io } from "./terminal.ts";

/** Where nothing happens for this long, somebody wants to know. */
const FIRST_PROGRESS_MS = 1000;
const PROGRESS_MS = 250;

/** A line on a watched standard error: how far, how fast, how long still. */
export function progressOf(points: number, io: Io) {
  const started = performance.now();
  let shown = started + FIRST_PROGRESS_MS - PROGRESS_MS;
  let visible = false;
  return {
    at: (done: number): void => {
      const now = performance.now();
      if (!io.watched || now - shown < PROGRESS_MS) return;
      shown = now;
      visible = true;
      const perSecond = (1000 * done) / (now - started);
      const left = Math.ceil((points - done) / perSecond);
      io.stderr(
        `\r${((100 * done) / points).toFixed(0)}% of ${points} points, ${Math.round(perSecond)} points/s, ${left} s left \u001b[K`,
      );
    },
    end: (): void => {
      if (visible) io.stderr("\r\u001b[K");
    },
  };
}
