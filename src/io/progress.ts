import { basename } from "node:path";
import { visible } from "../visible.ts";
import { whatIsAt } from "./files.ts";
import type { Io } from "./terminal.ts";

/** Where nothing happens for this long, somebody wants to know. */
const FIRST_PROGRESS_MS = 1000;
const PROGRESS_MS = 250;

/** A line on a watched standard error: how far, how fast, how long still. */
export const progressOf = (points: number, io: Io): Progress =>
  watched(points, io, (perSecond) => `of ${points} points, ${Math.round(perSecond)} points/s`);

/** The same of a file that is read. */
export function bytesProgress(path: string, io: Io): Progress {
  const bytes = whatIsAt(path)?.size ?? 0;
  const size = `${(bytes / 1e6).toFixed(0)} MB of ${visible(basename(path))}`;
  return watched(bytes, io, (perSecond) => `of ${size}, ${(perSecond / 1e6).toFixed(0)} MB/s`);
}

interface Progress {
  readonly at: (done: number) => void;
  readonly end: () => void;
}

function watched(whole: number, io: Io, text: (perSecond: number) => string): Progress {
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
      const left = Math.ceil((whole - done) / perSecond);
      io.stderr(`\r${((100 * done) / whole).toFixed(0)}% ${text(perSecond)}, ${left} s left \u001b[K`);
    },
    end: (): void => {
      if (visible) io.stderr("\r\u001b[K");
    },
  };
}
