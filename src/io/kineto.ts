import type { Arguments, DeviceEvent, HostOperator, Launch, Mark, Profile } from "../schema/profile.ts";
import { itemScanner } from "./json-items.ts";

/** Collects what a Chrome trace of the PyTorch profiler says, piece by piece. */
export interface KinetoReader {
  readonly push: (piece: Buffer) => void;
  readonly profile: () => Profile;
  /** what the outermost object holds besides the events, by which a file that is no trace is told */
  readonly fields: () => ReadonlySet<string>;
  readonly events: () => number;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Flows between events say nothing that correlation ids do not, and views launch nothing: a third of a trace need not
 * be parsed. What has no `nn.Module:` in a Python function's name is a line of code.
 */
const SKIPPED =
  /"cat": ?"(?:ac2g|fwdbwd|async_gpu)"|"cat": ?"python_function", ?"name": ?"(?!nn\.Module)|"name": ?"aten::(?:view|_unsafe_view|_reshape_alias|as_strided|empty|empty_like|empty_strided|transpose|slice|select|expand|expand_as|permute|t|unsqueeze|squeeze|narrow|split|split_with_sizes|chunk|detach|alias|unbind|resolve_conj|resolve_neg|result_type|lift_fresh|resize_|item|is_nonzero|set_)"|"name": ?"detach"/;
const HEAD_BYTES = 160;

export function kinetoReader(): KinetoReader {
  const collected: Collected = {
    events: [],
    operators: [],
    launches: new Map(),
    steps: [],
    names: new Map(),
    unread: 0,
    count: 0,
  };
  const fields = new Map<string, unknown>();
  const scanner = itemScanner("traceEvents", {
    item: (text) => {
      collected.count++;
      if (SKIPPED.test(text.toString("latin1", 0, HEAD_BYTES))) return;
      const event = parsed(text);
      if (event === undefined) collected.unread++;
      else collect(event, collected);
    },
    field: (name, text) => {
      fields.set(name, text.length < LARGEST_FIELD_BYTES ? parsed(text) : undefined);
    },
  });
  return {
    push: scanner.push,
    profile: () => profileOf(collected, fields, scanner.isComplete()),
    fields: () => new Set(fields.keys()),
    events: () => collected.count,
  };
}

const LARGEST_FIELD_BYTES = 1e6;

function parsed(text: Buffer): Json | undefined {
  try {
    return JSON.parse(text.toString("utf8")) as Json;
  } catch {
    return undefined;
  }
}

interface Collected {
  readonly events: DeviceEvent[];
  readonly operators: HostOperator[];
  readonly launches: Map<number, Launch>;
  readonly steps: Mark[];
  /** each text and list of arguments once: a trace repeats them a thousand times */
  readonly names: Map<string, unknown>;
  unread: number;
  count: number;
}

const DEVICE_KINDS: Readonly<Record<string, DeviceEvent["kind"]>> = {
  kernel: "kernel",
  gpu_memcpy: "copy",
  gpu_memset: "fill",
};

const MICROSECOND = 1e-6;
const STEP = /^ProfilerStep#\d+$/;
const LAUNCHES = /launch|memcpy|memset/i;

function collect(event: Json, into: Collected): void {
  const { name, cat, ph, ts, dur } = event;
  if (ph !== "X" || typeof name !== "string" || typeof cat !== "string") return;
  const start = amount(ts);
  const seconds = amount(dur);
  if (start === undefined || seconds === undefined || seconds < 0) {
    into.unread++;
    return;
  }
  const kept = { name: once(into, name), start: start * MICROSECOND, seconds: seconds * MICROSECOND };
  const args = isObject(event["args"]) ? event["args"] : {};
  const kind = Object.hasOwn(DEVICE_KINDS, cat) ? DEVICE_KINDS[cat] : undefined;
  if (kind !== undefined) into.events.push(deviceEvent(kind, kept, args));
  else if (cat === "cuda_runtime" || cat === "cuda_driver") {
    const correlation = amount(args["correlation"]);
    if (correlation !== undefined && LAUNCHES.test(name))
      into.launches.set(correlation, { thread: once(into, threadOf(event)), start: kept.start });
  } else if (cat === "user_annotation" && STEP.test(name))
    into.steps.push({ name, start: kept.start, end: kept.start + kept.seconds });
  else if (cat === "cpu_op" || cat === "user_annotation" || cat === "python_function")
    into.operators.push(hostOperator(kept, event, args, into));
}

type Timed = Pick<DeviceEvent, "name" | "start" | "seconds">;

const deviceEvent = (kind: DeviceEvent["kind"], timed: Timed, args: Json): DeviceEvent => ({
  kind,
  ...timed,
  launches: 1,
  device: amount(args["device"]) ?? 0,
  correlation: amount(args["correlation"]),
  operator: amount(args["External id"]),
});

const hostOperator = (timed: Timed, event: Json, args: Json, into: Collected): HostOperator => ({
  id: amount(args["External id"]),
  ...timed,
  thread: once(into, threadOf(event)),
  arguments: argumentsOf(args, into),
  sequence: amount(args["Sequence number"]),
});

const NO_ARGUMENTS: Arguments = { shapes: [], types: [], values: [] };

function argumentsOf(args: Json, into: Collected): Arguments {
  const shapes = args["Input Dims"];
  if (!Array.isArray(shapes)) return NO_ARGUMENTS;
  const found: unknown[] = [shapes, args["Input type"], args["Concrete Inputs"]];
  const key = JSON.stringify(found);
  const known = into.names.get(key);
  if (known !== undefined) return known as Arguments;
  const made: Arguments = {
    shapes: shapes.filter(Array.isArray),
    types: texts(found[1]),
    values: texts(found[2]),
  };
  into.names.set(key, made);
  return made;
}

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.map((one) => (typeof one === "string" ? one : "")) : [];

function once(into: Collected, text: string): string {
  const known = into.names.get(text);
  if (known !== undefined) return known as string;
  into.names.set(text, text);
  return text;
}

const threadOf = ({ pid, tid }: Json): string => `${String(pid)}/${String(tid)}`;

const amount = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) && Math.abs(value) < LARGEST_AMOUNT ? value : undefined;

/** Microseconds since 1970 are 2e15; what is far above was not measured. */
const LARGEST_AMOUNT = 1e18;

const isObject = (value: unknown): value is Json => typeof value === "object" && value !== null;

function profileOf(collected: Collected, fields: ReadonlyMap<string, unknown>, isComplete: boolean): Profile {
  const { events, operators, launches, steps, unread } = collected;
  const distributed = fields.get("distributedInfo");
  const { rank, world_size: worldSize } = isObject(distributed) ? distributed : ({} as Json);
  return {
    format: "kineto",
    gpus: gpuNames(fields.get("deviceProperties"), events),
    events,
    operators,
    launches,
    steps: steps.sort((a, b) => a.start - b.start),
    rank: amount(rank),
    worldSize: amount(worldSize),
    problems: [
      ...(isComplete ? [] : ["The file ends in the middle: what it holds up to there is answered for."]),
      ...(unread === 0 ? [] : [`${unread} of ${collected.count} events could not be read and are left out.`]),
    ],
  };
}

/** Names of the devices that ran something; of all where the trace does not say which is which. */
function gpuNames(properties: unknown, events: readonly DeviceEvent[]): string[] {
  if (!Array.isArray(properties)) return [];
  const devices = properties.filter(isObject);
  const used = new Set(events.map(({ device }) => device));
  const running = devices.filter(({ id }) => used.has(Number(id)));
  const names = (running.length > 0 ? running : devices).map(({ name }) => name);
  return [...new Set(names.filter((name): name is string => typeof name === "string" && name !== ""))];
}
