import { expect, test } from "vitest";
import { looksLikeTable, readTable } from "../../src/io/nsight.ts";
import { analyse } from "../../src/trace/analysis.ts";

const NORM = '"void vllm::rms_norm_kernel<c10::BFloat16, 8, 2>(c10::BFloat16*, float)"';
const MATMUL = "nvjet_sm90_tst_256x128_64x4_1x2_h_bz_coopA_TNT";

const TRACE = `Processing [report.sqlite] with [cuda_gpu_trace.py]...

Start (ns),Duration (ns),CorrId,GrdX,Bytes (MB),Device,Ctx,Strm,Name
1000,2000,7,128,,NVIDIA H200 (0),1,7,${NORM}
4000,50000,8,132,,NVIDIA H200 (0),1,7,${MATMUL}
60000,800,9,,0.004,NVIDIA H200 (0),1,7,[CUDA memset]
`;

const SUMMARY = `"Time (%)","Total Time (us)","Instances","Avg (us)","Name"
96.2,"1,000.5",20,50.0,${MATMUL}
3.8,40,10,4,${NORM}
`;

const DETAILS = `==PROF== Connected to process 1
"ID","Kernel Name","Device","Section Name","Metric Name","Metric Unit","Metric Value"
"0",${NORM},"0","GPU Speed Of Light Throughput","Duration","us","3.2"
"0",${NORM},"0","GPU Speed Of Light Throughput","DRAM Throughput","%","61"
`;

const RAW = `"ID","Kernel Name","gpu__time_duration.sum","dram__bytes.sum"
"","","nsecond","Mbyte"
"0",${NORM},"3200","33"
`;

test.each([
  ["nsys-cuda-gpu-trace", TRACE, 52.8e-6, 2e-6, 3],
  ["nsys-cuda-gpu-kern-sum", SUMMARY, 1040.5e-6, 40e-6, 30],
  ["nsight-compute", DETAILS, 3.2e-6, 3.2e-6, 1],
  ["nsight-compute", RAW, 3.2e-6, 3.2e-6, 1],
] as const)("a table of %s is read by its header", (format, text, seconds, normSeconds, kernels) => {
  expect(looksLikeTable(Buffer.from(text))).toBe(true);
  const profile = readTable("table.csv", text);
  const sum = (events: readonly { seconds: number }[]): number =>
    events.reduce((all, one) => all + one.seconds, 0);
  expect(profile.format).toBe(format);
  expect(sum(profile.events)).toBeCloseTo(seconds, 12);
  expect(profile.events.reduce((all, { launches }) => all + launches, 0)).toBe(kernels);
  const { norms } = analyse(profile);
  expect(sum(norms.flatMap(({ launched }) => launched.map(({ event }) => event)))).toBeCloseTo(
    normSeconds,
    12,
  );
  expect(norms[0]).toMatchObject({ kind: "rmsnorm", implementation: "fused", rows: null });
});

test("the GPU is named by nsys, without its number", () => {
  expect(readTable("table.csv", TRACE).gpus).toEqual(["NVIDIA H200"]);
});

test("rows without a time are left out, and said", () => {
  const { events, problems } = readTable("table.csv", `${TRACE}70000,none,10,,,NVIDIA H200 (0),1,7,lost\n`);
  expect(events).toHaveLength(3);
  expect(problems).toEqual(["1 row without a time left out."]);
});

test("other tables and traces are none of these", () => {
  for (const text of ["a,b\n1,2\n", '{"traceEvents": []}', "", "Name\n"])
    expect(looksLikeTable(Buffer.from(text))).toBe(false);
  expect(() => readTable("table.csv", "Start (ns),Duration (ns),Name\n")).toThrow(/no row with a time/);
});
