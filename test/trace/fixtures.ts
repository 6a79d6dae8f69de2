import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { kinetoReader } from "../../src/io/kineto.ts";
import type { Hardware } from "../../src/schema/hardware.ts";
import type { Profile } from "../../src/schema/profile.ts";
import type { TraceAnswer } from "../../src/schema/trace.ts";
import { traceAnswer } from "../../src/trace/answer.ts";

/** One step each of runs on an H200; written by tools/write-trace-fixtures.ts. */
const TRACES = "test/trace/traces";

/** What ran, and what hooks around the norm modules measured in a second run, microseconds a step. */
export interface Run {
  readonly trace: string;
  readonly layers: number;
  readonly phase: "prefill" | "decode" | "train";
  readonly batch: number;
  readonly sequence: number;
  readonly context: number;
  readonly mode: "eager" | "compile" | "compile-static";
  readonly dtype: string;
  readonly kernel_us: number;
  readonly norm_forward_us?: number;
  readonly norm_backward_us?: number;
  readonly norm_forward_kernels?: number;
  readonly norm_backward_kernels?: number;
  readonly norm_share_of_kernel_time?: number;
}

export const RUNS: readonly Run[] = readFileSync("test/trace/runs.jsonl", "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as Run);

export const traceText = (name: string): Buffer => gunzipSync(readFileSync(join(TRACES, name)));

function profileOfText(text: Buffer): Profile {
  const reader = kinetoReader();
  reader.push(text);
  return reader.profile();
}

const H200 = JSON.parse(readFileSync("hardware-profiles/h200-sxm.json", "utf8")) as Hardware;

const answers = new Map<string, TraceAnswer>();

export function answerOf(name: string): TraceAnswer {
  const known = answers.get(name);
  if (known !== undefined) return known;
  const profiles = [profileOfText(traceText(name))];
  const made = traceAnswer({ file: name, profiles }, { asked: undefined, shipped: [H200] });
  answers.set(name, made);
  return made;
}
