import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";

/**
 * `npx tsx tools/write-trace-fixtures.ts <folder of traces>`: traces of torch.profiler as test/trace/traces has them.
 * Of each event what the reader reads; no paths, no names of hosts or files; times from the first event on.
 */
const [from] = process.argv.slice(2);
if (from === undefined) throw new Error("usage: write-trace-fixtures <folder of .json.gz>");
const to = new URL("../test/trace/traces/", import.meta.url).pathname;
mkdirSync(to, { recursive: true });

type Json = Record<string, unknown>;

const CATEGORIES = [
  "kernel",
  "gpu_memcpy",
  "gpu_memset",
  "cuda_runtime",
  "cuda_driver",
  "cpu_op",
  "user_annotation",
];
const LAUNCHES = /launch|memcpy|memset/i;
const VIEWS =
  /^aten::(?:view|_unsafe_view|_reshape_alias|as_strided|empty\w*|transpose|slice|select|expand\w*|permute|t|unsqueeze|squeeze|narrow|split\w*|chunk|detach|alias|unbind|resolve_\w+|result_type|lift_fresh|resize_|item|is_nonzero|set_|reshape)$|^detach$/;

function isKept({ ph, cat, name }: Json): boolean {
  if (ph !== "X" || !CATEGORIES.includes(String(cat))) return false;
  if (cat === "cuda_runtime" || cat === "cuda_driver") return LAUNCHES.test(String(name));
  return !VIEWS.test(String(name));
}

const isDevice = ({ cat }: Json): boolean => /kernel|gpu_/.test(String(cat));

function smallEvent(event: Json, first: number): Json {
  const { cat, name, pid, tid, ts, dur, args } = event;
  return {
    ph: "X",
    cat,
    name: shortName(String(name)),
    pid: isDevice(event) ? pid : 1,
    tid: isDevice(event) ? tid : threadNumber(String(tid)),
    ts: Number((Number(ts) - first).toFixed(1)),
    dur: isDevice(event) ? dur : Number(Number(dur).toFixed(1)),
    args: smallArguments(args as Json, String(cat), String(name).startsWith("triton_")),
  };
}

const threads = new Map<string, number>();

function threadNumber(thread: string): number {
  if (!threads.has(thread)) threads.set(thread, threads.size + 1);
  return threads.get(thread)!;
}

const ARGUMENTS: Record<string, readonly string[]> = {
  kernel: ["External id", "device", "correlation"],
  gpu_memcpy: ["External id", "device", "correlation"],
  gpu_memset: ["External id", "device", "correlation"],
  cuda_runtime: ["correlation"],
  cuda_driver: ["correlation"],
  cpu_op: ["External id", "Sequence number", "Input Dims", "Input type"],
  user_annotation: ["External id"],
};

function smallArguments(args: Json, cat: string, isCompiled: boolean): Json {
  const kept = ARGUMENTS[cat]!.filter((name) => args[name] !== undefined).map((name) => [
    name,
    isId(name) ? numberOf(name, args[name]) : args[name],
  ]);
  const values = args["Concrete Inputs"];
  // paths are among the values of some operators: of all only numbers are kept
  if (Array.isArray(values) && isCompiled)
    kept.push(["Concrete Inputs", values.map((value) => (/^-?[\d.]*$/.test(String(value)) ? value : ""))]);
  return Object.fromEntries(kept);
}

const isId = (name: string): boolean => name === "External id" || name === "correlation";

/** Ids in the order in which they are met: short ones. */
const numbers = new Map<string, number>();

function numberOf(kind: string, id: unknown): number {
  const key = `${kind} ${String(id)}`;
  if (!numbers.has(key)) numbers.set(key, numbers.size + 1);
  return numbers.get(key)!;
}

/** Without the types of its arguments, which no rule reads. */
const shortName = (name: string): string => name.replace(/>\(.*$/s, ">()").slice(0, 400);

/** The events of the first marked step: what ran on a device belongs to the step in which it was launched. */
function firstStep(events: readonly Json[]): Json[] {
  const step = events.find(({ name }) => /^ProfilerStep#/.test(String(name)));
  if (step === undefined) return [...events];
  const isInside = ({ ts }: Json): boolean =>
    Number(ts) >= Number(step["ts"]) && Number(ts) <= Number(step["ts"]) + Number(step["dur"]);
  const launched = new Set(
    events
      .filter((event) => /^cuda_/.test(String(event["cat"])) && isInside(event))
      .map((event) => correlationOf(event)),
  );
  const inside = events.filter((event) =>
    isDevice(event) ? launched.has(correlationOf(event)) : event === step || isInside(event),
  );
  return inside
    .filter((event) => !/^ProfilerStep#/.test(String(event["name"])) || event === step)
    .filter(launchesSomething(inside));
}

/** Operators in which the host launched nothing say nothing. */
function launchesSomething(events: readonly Json[]): (event: Json) => boolean {
  const launches = events.filter(({ cat }) => /^cuda_/.test(String(cat)));
  return (event) =>
    event["cat"] !== "cpu_op" ||
    launches.some(
      ({ tid, ts }) =>
        tid === event["tid"] &&
        Number(ts) >= Number(event["ts"]) &&
        Number(ts) <= Number(event["ts"]) + Number(event["dur"]),
    );
}

const correlationOf = ({ args }: Json): unknown => (args as Json)["correlation"];

for (const file of readdirSync(from).filter((name) => name.endsWith(".json.gz"))) {
  numbers.clear();
  const trace = JSON.parse(gunzipSync(readFileSync(join(from, file))).toString("utf8"));
  const events: Json[] = firstStep(trace.traceEvents.filter(isKept));
  const first = Math.min(...events.map(({ ts }) => Number(ts)));
  const devices = trace.deviceProperties.map(({ id, name }: Json) => ({ id, name }));
  const small = {
    deviceProperties: devices,
    ...(trace.distributedInfo && {
      distributedInfo: { rank: trace.distributedInfo.rank, world_size: trace.distributedInfo.world_size },
    }),
    traceEvents: events.map((event) => smallEvent(event, first)),
  };
  writeFileSync(join(to, basename(file)), gzipSync(JSON.stringify(small), { level: 9 }));
}
