import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { main } from "../../src/main.ts";
import type { Result } from "../../src/schema/result.ts";
import { command, json, words } from "../support/command.ts";

const folder = mkdtempSync(join(tmpdir(), "sweep-"));
afterAll(() => rmSync(folder, { recursive: true }));

const GRID = "sweep llama-3-70b-decode-h100 --batch 1,8,64 --norm layernorm,rmsnorm --context 128-1024*2";
const text = async (line: string): Promise<string> => {
  const { code, stdout, stderr } = await command(words(line));
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return stdout;
};
const file = (name: string): string => join(folder, name);

describe("a sweep", () => {
  test("has a row a point, the last axis typed fastest", async () => {
    const [header, ...rows] = (await text(`${GRID} --format csv`)).trimEnd().split("\n");
    expect(header).toMatch(/^batch,norm,context,layerSeconds,/);
    expect(rows).toHaveLength(24);
    expect(rows.slice(0, 5).map((row) => row.split(",").slice(0, 3).join(" "))).toEqual([
      "1 layernorm 128",
      "1 layernorm 256",
      "1 layernorm 512",
      "1 layernorm 1024",
      "1 rmsnorm 128",
    ]);
    const other = await text("sweep --context 128,256 --batch 1,8 --phase decode --format csv");
    expect(other.split("\n")[2]).toMatch(/^128,8,/);
  });

  test("says what run says", async () => {
    const lines = (
      await text(
        `${GRID} --columns layer.seconds,operators.attention.seconds,rmsnormSavesShareOfTime --format jsonl`,
      )
    )
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, number | string>);
    for (const row of [lines[0]!, lines[7]!, lines[23]!]) {
      const result = await json<Result>(
        `run llama-3-70b-decode-h100 --json --batch ${row["batch"]} --norm ${row["norm"]} --context ${row["context"]}`,
      );
      expect(row["layer.seconds"]).toBe(result.layer.seconds);
      expect(row["operators.attention.seconds"]).toBe(
        result.operators.find(({ name }) => name === "attention")!.seconds,
      );
    }
  });

  test("in shards is, put together, the same bytes", async () => {
    const whole = await text(`${GRID} --format csv`);
    for (const shards of [1, 2, 5, 24, 40]) {
      const parts = [];
      for (let k = 1; k <= shards; k++) parts.push(await text(`${GRID} --format csv --shard ${k}/${shards}`));
      expect(parts.join("")).toBe(whole);
    }
  });

  test("goes on, wherever it was cut, to the same bytes", async () => {
    for (const format of ["csv", "jsonl"]) {
      const whole = await text(`${GRID} --format ${format}`);
      const path = file(`cut.${format}`);
      await fc.assert(
        fc.asyncProperty(fc.integer({ min: 0, max: whole.length }), async (length) => {
          writeFileSync(path, whole.slice(0, length));
          await text(`${GRID} -o ${path} --resume`);
          expect(readFileSync(path, "utf8")).toBe(whole);
        }),
        { numRuns: 25 },
      );
    }
  });

  test("writes a file anew without --resume", async () => {
    const path = file("anew.csv");
    writeFileSync(path, "something else that is much longer than a sweep of two points is\n".repeat(20));
    await text(`sweep --batch 1,2 -o ${path}`);
    expect(readFileSync(path, "utf8")).toBe(await text("sweep --batch 1,2 --format csv"));
  });

  test("as a table, Markdown and JSON holds the same points", async () => {
    expect(await text("sweep --batch 1,2 --columns layer.seconds")).toMatch(/batch {2}layer seconds/);
    expect(await text("sweep --batch 1,2 --columns layer.seconds --format md")).toMatch(/\| 2 \|/);
    expect(JSON.parse(await text("sweep --batch 1,2 --columns layer.kernels --json"))).toMatchObject([
      { batch: 1, "layer.kernels": 21 },
      { batch: 2, "layer.kernels": 21 },
    ]);
  });

  test("moves any field by its path", async () => {
    const csv = await text(
      "sweep --axis hardware.hbmBytesPerSecond=1e12-3e12+1e12 --columns layer.idealSeconds --format csv",
    );
    expect(csv.split("\n").map((line) => line.split(",")[0])).toEqual([
      "hardware.hbmBytesPerSecond",
      "1000000000000",
      "2000000000000",
      "3000000000000",
      "",
    ]);
  });

  test("moves what is true or false", async () => {
    const line =
      "sweep --tensor-parallel 8 --axis parallelism.sequenceParallel=false,true --columns layer.seconds";
    const csv = await text(`${line} --format csv`);
    expect(csv).toMatch(/^parallelism\.sequenceParallel,layer\.seconds\nfalse,[\d.]+\ntrue,[\d.]+\n$/);
    const [given, split] = (await text(`${line} --format jsonl`)).trimEnd().split("\n");
    expect(given).toMatch(/^\{"parallelism\.sequenceParallel":false,/);
    const { layer } = await json<Result>("run --tensor-parallel 8 --sequence-parallel --json");
    expect(JSON.parse(split!)).toEqual({
      "parallelism.sequenceParallel": true,
      "layer.seconds": layer.seconds,
    });
  });

  test.each([
    `--set 'precision={"weights":"fp16"}'`,
    `--set 'normalization={"kind":"rmsnorm"}'`,
    `--set 'workload={"phase":"decode","context":64}'`,
    `--set 'normalization.implementation=[{"name":"all","reads":["activation"],"writes":[],"flopsPerElement":1}]'`,
    "--set model=llama-3-8b",
    "--set parallelism.sequenceParallel=true --tensor-parallel 4",
  ])("with %s says what run says, defaults filled in", async (flags) => {
    const [row] = (await text(`sweep ${flags} --layers 7,8 --columns layer.seconds --format csv`))
      .split("\n")
      .slice(1);
    const result = await json<Result>(`run ${flags} --layers 7 --json`);
    expect(row).toBe(`7,${result.layer.seconds}`);
  });

  test("that is interrupted leaves whole lines, says how to go on, and goes on", async () => {
    const path = file("stopped.csv");
    const line = `sweep --batch 1-100 --sequence 64-20000+64 --columns layer.seconds -o ${path}`;
    let stderr = "";
    const io = {
      stdout: () => {},
      stderr: (more: string) => {
        stderr += more;
      },
      stdin: async () => new Uint8Array(),
      columns: 80,
      color: false,
      unicode: true,
      onInterrupt: (stop: (signal: "SIGINT" | "SIGTERM") => void) => {
        setImmediate(() => stop("SIGINT"));
        return () => {};
      },
    };
    expect(await main(words(line), io)).toBe(130);
    expect(stderr).toMatch(/stopped with \d+ of 31200 points left; the same command with --resume goes on/);
    const held = readFileSync(path, "utf8");
    expect(held.endsWith("\n")).toBe(true);
    await text(`${line} --resume`);
    expect(readFileSync(path, "utf8").startsWith(held)).toBe(true);
    expect(readFileSync(path, "utf8").trimEnd().split("\n")).toHaveLength(31_201);
  });
});

/** [line, what standard error must say] */
const REFUSED: readonly [string, RegExp][] = [
  ["sweep --batch 1-8+0", /--batch: the range 1-8\+0 never reaches its end/],
  ["sweep --batch 1-8*1", /never reaches its end/],
  ["sweep --batch 0,1", /batch 0: .*workload\.batch: expected a whole number of at least 1/],
  ["sweep --batch 1,x", /--batch: expected a number, a list/],
  ["sweep --hidden 1024,2048.5", /hidden 2048\.5: .*whole number/],
  ["sweep --columns layer.secnds", /did you mean "layer\.seconds"/],
  ["sweep --columns layer.seconds,layer.seconds", /given twice/],
  ["sweep --columns ,", /has no number ""/],
  ["sweep --batch 1,2 --shard 5/4", /--shard: expected k\/n with k from 1 to n/],
  ["sweep --batch 1,2 --shard 0/4", /--shard/],
  ["sweep --batch 1,2 --shard a/b", /--shard/],
  ["sweep --batch 1,2 --shard 1/2", /--shard needs a format with a line a point/],
  ["sweep --batch 1,2 --resume --json", /--resume needs a format/],
  ["sweep --batch 1,2 --resume --format csv", /--resume needs the file/],
  ["sweep --batch 1,2 --jobs 0", /--jobs: expected a whole number from 1 to 256/],
  ["sweep --batch 1-2000", /2000 points are too many for table/],
  ["sweep --batch 1-100000 --context 1-100000 --phase decode --format csv", /expected at most 1000000000/],
  ["sweep --tensor-parallel 1,3", /at tensor-parallel 3: .*expected a divisor/],
  ["sweep --norm layernorm,batchnorm", /norm batchnorm: .*expected "layernorm", "rmsnorm" or "dyt"/],
  ["sweep --model llama-3-8b,llama-4", /no model named "llama-4"/],
  ["sweep --hardware h100-sxm,hx --batch 1", /no profile named "hx"/],
  [`sweep --axis model.${"a.".repeat(20_000)}a=1,2`, /at most 64 keys, got 20002/],
  [`sweep --set model.${"a.".repeat(20_000)}a=1 --batch 1,2`, /at most 64 keys, got 20002/],
  ["sweep --axis nothing.here=1,2", /nothing\.here is not a field of a scenario/],
  ["sweep --axis hardware=h100-sxm,l4", /hardware is a flag of its own: --hardware h100-sxm,l4/],
  ["sweep --axis runtime=graph,eager", /runtime is a flag of its own: --runtime graph,eager/],
  ["sweep --axis precision=bf16,fp16", /precision is a flag of its own/],
  ["sweep --axis workload=1,2", /workload is not a field of a scenario/],
  ["sweep --axis description=a,b", /description is not a field of a scenario/],
  ["sweep --axis model.gated=true,1", /model\.gated 1: .*expected true or false/],
  ["sweep --axis model.name=true,false", /model\.name true: .*expected a text/],
  ["sweep --batch 1,2 --axis workload.batch=3,4", /--batch: --axis workload\.batch gives workload\.batch a/],
  ["sweep --axis workload.batch=3,4 --batch 8", /--batch: --axis workload\.batch gives/],
  ["sweep --axis workload.batch=1,2 --axis workload.batch=3", /--axis workload\.batch is given twice/],
  [
    "sweep --batch 1,2 --set workload.batch=5",
    /--batch: --set workload\.batch gives workload\.batch a value too/,
  ],
  ["sweep --model llama-3-8b,gpt2-xl --set model=bert-large", /--model: --set model gives model a value too/],
  [
    "sweep --axis parallelism.sequenceParallel=true,false --sequence-parallel --tensor-parallel 2",
    /--sequence-parallel: --axis parallelism\.sequenceParallel gives/,
  ],
  [
    "sweep --norm layernorm,rmsnorm --set normalization.kind=rmsnorm",
    /--norm: --set normalization\.kind gives normalization\.kind a value too/,
  ],
  [
    `sweep --hidden 1024,2048 --set 'workload={"phase":"decode"}' --batch 1,8`,
    /--batch: --set workload gives workload\.batch a value too/,
  ],
  [
    "sweep --precision bf16,fp16 --set precision.weights=bf16 --set precision.activations=bf16 --set precision.kvCache=bf16",
    /--precision: changes nothing, because of --set precision/,
  ],
  [
    "solve --target layer.seconds=1 --vary batch --set workload.batch=2",
    /--set workload\.batch: --vary batch gives workload\.batch a value too|--vary batch: --set workload\.batch gives/,
  ],
  ["solve --target layer.seconds=1 --vary batch --vary hidden", /--vary is given twice: batch and hidden/],
  [
    "sweep --sequence-parallel --tensor-parallel 2 --batch 1-3000 --sequence 1024-5120+2",
    /6147000 combinations of batch, sequence are too many to check/,
  ],
  ["sweep --axis workload.batch", /expected path=values/],
  ["sweep --axis workload.batch=1-0", /never reaches its end/],
  ["sweep --axis workload.bach=1,2", /workload\.bach/],
  ["sweep --batch 1,2 --axis batch=3", /--axis/],
  ["sweep a b", /too many arguments/],
  ["sweep nowhere", /no scenario named "nowhere"/],
  ["solve", /--target is missing/],
  ["solve --target layer.seconds=1", /--vary is missing/],
  ["solve --target layer.seconds --vary batch", /expected field=number/],
  ["solve --target layer.seconds=fast --vary batch", /expected field=number/],
  ["solve --target layer.x=1 --vary batch", /has no number "layer\.x"/],
  ["solve --target layer.seconds=1 --vary bath", /did you mean "batch"/],
  ["solve --target layer.seconds=1 --vary model", /nothing to vary is called "model"/],
  ["solve --target layer.seconds=1 --vary model.name", /is not a number/],
  ["solve --target layer.seconds=1 --vary hardware.nothing", /is not set/],
  ["solve --target layer.seconds=1 --vary batch --range 8-1", /the smaller first/],
  ["solve --target layer.seconds=1 --vary batch --range 1-8.5", /whole numbers/],
  ["solve --target layer.seconds=1 --vary batch --range 0-8", /batch 0: .*at least 1/],
  ["solve --target layer.seconds=1 --vary batch --batch 1,2", /--batch: --vary batch gives workload\.batch/],
  ["solve --target layer.seconds=1 --vary batch --hidden 1024,2048", /--hidden: expected one value/],
  ["claims --hidden 1024,2048", /--hidden: expected one value/],
  ["claims --gpu-hour-usd free", /--gpu-hour-usd: expected a number/],
  ["claims --gpu-hour-usd 0", /gpu-?hour-?usd.*expected a number/i],
  ["claims --fail-if nonsense", /--fail-if: expected a field/],
  ["explain llama-3-70b-prefill-h100 atention", /did you mean "attention"/],
  ["explain a b c", /takes a scenario and an operator/],
  ["explain --batch 1,2", /--batch: expected one value/],
  ["sensitivity --batch 1,2", /--batch: expected one value/],
];

describe("a question that cannot be asked", () => {
  test.each(REFUSED)("%s", async (line, pattern) => {
    const { code, stdout, stderr } = await command(words(line));
    expect(stderr).toMatch(pattern);
    expect(stderr).not.toMatch(/\n\s+at .*\.[jt]s/);
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });

  test("a file of another sweep is left as it is", async () => {
    const path = file("other.csv");
    await text(`sweep --batch 1,2 -o ${path}`);
    const before = readFileSync(path, "utf8");
    for (const [line, pattern] of [
      [`sweep --hidden 1024,2048 -o ${path} --resume`, /its first line is another/],
      [`sweep --batch 3,4 -o ${path} --resume`, /its first row is another/],
      [`sweep --batch 1,3 -o ${path} --resume`, /its last row is another/],
      [`sweep --batch 1 --context 0 -o ${path} --resume`, /its first line is another/],
    ] as const) {
      const { code, stderr } = await command(words(line));
      expect(stderr).toMatch(pattern);
      expect(code).toBe(2);
      expect(readFileSync(path, "utf8")).toBe(before);
    }
  });

  test("a condition that fails is exit 1, after the answer", async () => {
    const { code, stdout, stderr } = await command(words("claims --fail-if normalization.shareOfTime>1%"));
    expect(code).toBe(1);
    expect(stdout).toMatch(/runtime-share/);
    expect(stderr).toMatch(/^failed: normalization\.shareOfTime>1% \(it is 0\.01/);
  });
});
