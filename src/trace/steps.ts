import type { Profile } from "../schema/profile.ts";
import { type Launched, launched } from "./launches.ts";

/** The part of a run that is answered for: its marked steps, or all of it. */
export interface Steps {
  readonly count: number;
  readonly marked: boolean;
  /** from the first step's start until the last is done, on the host and on the devices */
  readonly seconds: number;
  readonly launched: readonly Launched[];
}

export function stepsOf(profile: Profile): Steps {
  const all = launched(profile);
  const marks = profile.steps;
  if (marks.length === 0) return { count: 1, marked: false, seconds: span(all, undefined), launched: all };
  const start = marks[0]!.start;
  const end = Math.max(...marks.map((mark) => mark.end));
  const inside = all.filter(({ issued }) => issued >= start && issued <= end);
  return { count: marks.length, marked: true, seconds: span(inside, [start, end]), launched: inside };
}

function span(events: readonly Launched[], marked: readonly [number, number] | undefined): number {
  let first = marked?.[0] ?? Number.POSITIVE_INFINITY;
  let last = marked?.[1] ?? Number.NEGATIVE_INFINITY;
  for (const { event } of events) {
    if (marked === undefined) first = Math.min(first, event.start);
    last = Math.max(last, event.start + event.seconds);
  }
  return last > first ? last - first : 0;
}

/** Seconds in which a device was running something; kernels that overlap count once. */
export function busySeconds(events: readonly Launched[]): number {
  const sorted = events.map(({ event }) => event).sort((a, b) => a.start - b.start);
  let busy = 0;
  let until = Number.NEGATIVE_INFINITY;
  for (const { start, seconds } of sorted) {
    const end = start + seconds;
    if (end > until) busy += end - Math.max(start, until);
    until = Math.max(until, end);
  }
  return busy;
}
