import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { command } from "../support/command.ts";
import { traceText } from "./fixtures.ts";

const folder = mkdtempSync(join(tmpdir(), "trace-"));

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const SMALL = "llama-3-70b-prefill-1x4096-compile-bf16.json.gz";
const text = traceText(SMALL);
const small = JSON.parse(text.toString()) as { traceEvents: Record<string, unknown>[] };
const withEvents = (traceEvents: unknown): string => JSON.stringify({ ...small, traceEvents });

test.each([
  ["empty.json", "", /is empty/],
  ["spaces.json", "  \n", /is empty/],
  ["words.json", "hello", /is no trace/],
  ["pickle.bin", Buffer.from([0x80, 4, 0x95, 0, 0]), /memory snapshot.*\n.*torch\.profiler/],
  ["report.sqlite", "SQLite format 3\u0000", /database.*\n.*nsys stats/],
  ["page.html", "<html>", /HTML/],
  ["none.json", '{"traceEvents": []}', /no trace events/],
  ["other.json", '{"model": {}}', /no trace events/],
  ["list.json", "[1, 2, 3]", /no trace events/],
  ["snapshot.json", '{"segments": [], "device_traces": []}', /memory snapshot/],
  ["execution.json", '{"schema": "1.1", "nodes": [{}]}', /execution trace/],
  ["cpu.json", withEvents(small.traceEvents.filter(({ cat }) => cat === "cpu_op")), /no GPU events/],
  ["cut.json.gz", gzipSync(text).subarray(0, 12), /damaged/],
])("%s is refused in words, with what to do", async (name, content, message) => {
  const { code, stdout, stderr } = await command(["trace", file(name, content)]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/ at .*\.ts/);
});

test("a folder, and a file that is not there, are refused", async () => {
  expect((await command(["trace", folder])).stderr).toMatch(/folder/);
  expect((await command(["trace", join(folder, "no.json")])).stderr).toMatch(/no such file/);
});

test("a trace that ends in the middle is answered for as far as it goes, and says so", async () => {
  const path = file("half.json", text.subarray(0, (text.length * 3) / 4));
  const { code, stdout } = await command(["trace", path]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/ends in the middle/);
});

test("a compressed trace that is cut is answered for too", async () => {
  const bytes = readFileSync(join("test/trace/traces", SMALL));
  const { code, stdout } = await command([
    "trace",
    file("half.json.gz", bytes.subarray(0, bytes.length - 400)),
  ]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/ends in the middle|could not be read to its end/);
});

test("the list of events alone, and a byte order mark before it, are read", async () => {
  const whole = await command(["trace", file("whole.json", text), "--json"]);
  const list = await command(["trace", file("events.json", JSON.stringify(small.traceEvents)), "--json"]);
  const marked = await command(["trace", file("bom.json", `\ufeff${text.toString()}`), "--json"]);
  const share = ({ stdout }: { stdout: string }) => JSON.parse(stdout).normalization.shareOfKernelTime;
  expect(share(list)).toBe(share(whole));
  expect(share(marked)).toBe(share(whole));
});

test("without marked steps all that was recorded is one step", async () => {
  const events = small.traceEvents.filter(({ name }) => !/^ProfilerStep/.test(String(name)));
  const { stdout } = await command(["trace", file("unmarked.json", withEvents(events)), "--json"]);
  const { trace, warnings } = JSON.parse(stdout);
  expect(trace.steps).toBe(1);
  expect(warnings).toEqual([expect.stringMatching(/marked no steps/)]);
});

test("files that are ranks of one run are one answer, and a step is that of one rank", async () => {
  const rank = (one: number): string =>
    file(`rank${one}.json`, JSON.stringify({ ...small, distributedInfo: { rank: one, world_size: 2 } }));
  const alone = JSON.parse((await command(["trace", file("alone.json", text), "--json"])).stdout);
  const both = JSON.parse((await command(["trace", rank(0), rank(1), "--json"])).stdout);
  expect(both.trace.ranks).toBe(2);
  expect(both.step.kernelSeconds).toBeCloseTo(alone.step.kernelSeconds, 12);
  expect(both.norms.map(({ count }: { count: number }) => count)).toEqual(
    alone.norms.map(({ count }: { count: number }) => count),
  );
});

test("files of different runs are answers of their own, in order", async () => {
  const paths = [SMALL, "gpt2-xl-prefill-4x1000-eager-fp16.json.gz"].map((name) =>
    join("test/trace/traces", name),
  );
  const answers = JSON.parse((await command(["trace", ...paths, "--json"])).stdout);
  expect(answers.map(({ trace }: { trace: { file: string } }) => trace.file)).toEqual(paths);
});

test("a GPU without a profile has no roof and no savings, and --hardware gives it one", async () => {
  const unnamed = file("unnamed.json", JSON.stringify({ traceEvents: small.traceEvents }));
  const { savings, norms, warnings } = JSON.parse((await command(["trace", unnamed, "--json"])).stdout);
  expect(savings).toEqual([]);
  expect(norms.every(({ roofSeconds }: { roofSeconds: null }) => roofSeconds === null)).toBe(true);
  expect(warnings.join()).toMatch(/--hardware/);
  const given = JSON.parse((await command(["trace", unnamed, "--hardware", "h200-sxm", "--json"])).stdout);
  expect(given.norms[0].roofSeconds).toBeGreaterThan(0);
});

test("the scenario that ran is written, and run takes it", async () => {
  const path = join(folder, "ran.json");
  const trace = "test/trace/traces/llama-3-70b-prefill-1x4096-eager-bf16.json.gz";
  expect((await command(["trace", trace, "--scenario", path])).code).toBe(0);
  const { code, stdout } = await command(["run", path, "--json"]);
  expect(code).toBe(0);
  expect(JSON.parse(stdout).scenario.workload).toMatchObject({ phase: "prefill", batch: 1, sequence: 4096 });
});

test("a scenario that shapes do not tell is not written", async () => {
  const trace = "test/trace/traces/llama-3.2-1b-decode-1x1024-compile-static-bf16.json.gz";
  const { code, stdout, stderr } = await command(["trace", trace, "--scenario", join(folder, "none.json")]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toMatch(/not told: .*hidden/);
});

test.each([40, 80, 120])("no line of the table is wider than %d columns", async (columns) => {
  const trace = "test/trace/traces/qwen3-8b-prefill-2x1536-eager-bf16.json.gz";
  const { stdout } = await command(["trace", trace], { columns });
  const widest = Math.max(...stdout.split("\n").map((line) => line.length));
  // seven columns of figures need their room
  expect(widest).toBeLessThanOrEqual(Math.max(columns, 72));
});

/** A small generator of its own, so that a failure can be run again. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const HOSTILE: readonly unknown[] = [
  1e308,
  -1e308,
  -5,
  0,
  null,
  "x",
  "",
  [],
  {},
  [[]],
  [[[1e30]]],
  true,
  2 ** 53,
];

/** Events cut, doubled, in another order, without some keys, with values that none should have. */
function spoiled(seed: number): string {
  const next = random(seed);
  const pick = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)]!;
  const events = structuredClone(small.traceEvents)
    .filter(() => next() > 0.1)
    .sort(() => next() - 0.5);
  for (let change = 0; change < 60; change++) {
    const event = pick(events);
    const args = event["args"];
    const inside = typeof args === "object" && args !== null && Object.keys(args).length > 0;
    const target = inside && next() < 0.5 ? (args as Record<string, unknown>) : event;
    const key = pick(Object.keys(target));
    if (next() < 0.3) delete target[key];
    else target[key] = pick(HOSTILE);
  }
  return withEvents(events);
}

test.each(Array.from({ length: 40 }, (_, seed) => seed))(
  "a spoiled trace %d is answered or refused, never a stack",
  async (seed) => {
    const spoilt = spoiled(seed);
    const cut = seed % 3 === 0 ? spoilt.slice(0, Math.floor(spoilt.length * random(seed)())) : spoilt;
    const { code, stdout, stderr } = await command(["trace", file(`spoiled-${seed}.json`, cut), "--json"]);
    expect([0, 2]).toContain(code);
    expect(stderr).not.toMatch(/ at .*\.ts/);
    if (code === 0) expect(stdout).not.toMatch(/NaN|Infinity/);
  },
);
