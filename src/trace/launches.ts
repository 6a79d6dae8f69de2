import type { DeviceEvent, HostOperator, Launch, Profile } from "../schema/profile.ts";

/** An operator of the host inside those that called it. */
export interface Call {
  readonly operator: HostOperator;
  readonly caller: Call | undefined;
}

/** What a device ran, and what made it do so. */
export interface Launched {
  readonly event: DeviceEvent;
  /** the innermost operator that was running when it was issued */
  readonly call: Call | undefined;
  /** when the host issued it; its own start where nothing says */
  readonly issued: number;
  readonly thread: string;
}

/** All that the devices ran, in the order in which the host issued it. */
export function launched(profile: Profile): Launched[] {
  const calls = callsOf(profile.operators);
  const byId = new Map(
    calls.flatMap((call) => (call.operator.id === undefined ? [] : [[call.operator.id, call]])),
  );
  const byThread = groupBy(calls, ({ operator }) => operator.thread);
  const found = profile.events.map((event): Launched => {
    const launch = event.correlation === undefined ? undefined : profile.launches.get(event.correlation);
    const call =
      (event.operator === undefined ? undefined : byId.get(event.operator)) ?? callAt(launch, byThread);
    return {
      event,
      call,
      issued: launch?.start ?? call?.operator.start ?? event.start,
      thread: launch?.thread ?? call?.operator.thread ?? "",
    };
  });
  return found.sort((a, b) => a.issued - b.issued || a.event.start - b.event.start);
}

/** Operators of each thread with those that called them; by start, callers first. */
function callsOf(operators: readonly HostOperator[]): Call[] {
  const sorted = [...operators].sort((a, b) => a.start - b.start || b.seconds - a.seconds);
  const running = new Map<string, Call>();
  return sorted.map((operator) => {
    const call = { operator, caller: stillRunning(running.get(operator.thread), operator.start) };
    running.set(operator.thread, call);
    return call;
  });
}

const endOf = ({ operator }: Call): number => operator.start + operator.seconds;

function stillRunning(call: Call | undefined, time: number): Call | undefined {
  let found = call;
  while (found !== undefined && endOf(found) < time) found = found.caller;
  return found;
}

function callAt(launch: Launch | undefined, byThread: ReadonlyMap<string, Call[]>): Call | undefined {
  const calls = launch && byThread.get(launch.thread);
  if (launch === undefined || calls === undefined) return undefined;
  let first = 0;
  let last = calls.length;
  while (first < last) {
    const middle = (first + last) >> 1;
    if (calls[middle]!.operator.start <= launch.start) first = middle + 1;
    else last = middle;
  }
  return stillRunning(calls[first - 1], launch.start);
}

/** The call and its callers, innermost first. */
export function callChain(call: Call | undefined): HostOperator[] {
  const chain: HostOperator[] = [];
  for (let one = call; one !== undefined; one = one.caller) chain.push(one.operator);
  return chain;
}

export function groupBy<T, K>(items: readonly T[], key: (item: T) => K): Map<K, T[]> {
  const groups = new Map<K, T[]>();
  for (const item of items) {
    const group = groups.get(key(item));
    if (group === undefined) groups.set(key(item), [item]);
    else group.push(item);
  }
  return groups;
}
