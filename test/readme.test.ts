import { readFileSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { layerResult } from "../src/engine/layer-result.ts";
import type { Scenario } from "../src/schema/scenario.ts";
import { command } from "./support/command.ts";
import { isUpdating } from "./support/golden.ts";
import { decode, hardware, model, prefill, scenario } from "./support/scenarios.ts";

const README = new URL("../README.md", import.meta.url);

/** What a command prints on a pipe of 80 columns. */
async function printed(...argv: string[]): Promise<string> {
  const { code, stdout } = await command(argv);
  expect(code).toBe(0);
  return stdout;
}

/** As the profile has it, two digits. */
const percent = (share: number): string => `${Number((100 * share).toPrecision(2))}%`;

function validationTable(): string {
  const rows = ["h100-sxm", "h200-sxm"].flatMap((name) =>
    (hardware(name).validation ?? []).map(
      (row) =>
        `| ${name} | ${row.phase}, ${row.runtime}${row.layersWith === undefined ? "" : `, ${row.layersWith}`} | ${row.layers} | ${percent(row.medianError)} | ${percent(row.percentile90Error)} | ${row.shareErrorPoints} |`,
    ),
  );
  return [
    "| profile | layers | compared | median error | 90th percentile | norm's share, points |",
    "|---|---|---|---|---|---|",
    ...rows,
  ].join("\n");
}

const SHARE_MODELS = [
  "llama-3-70b",
  "llama-3-8b",
  "llama-3.2-1b",
  "gemma-2-9b",
  "qwen3-8b",
  "gpt2-xl",
  "bert-large",
];
/** The same tokens in as many sequences as the model's learned positions ask for. */
const SHARE_WORKLOADS: readonly ((mostTokens: number) => Scenario["workload"])[] = [
  (most) => prefill(4096 / Math.min(4096, most), Math.min(4096, most)),
  () => prefill(1, 128),
  (most) => decode(1, Math.min(2048, most)),
  (most) => decode(64, Math.min(2048, most)),
];

function shareTable(): string {
  const share = (
    name: string,
    implementation: "native" | "eager",
    workload: Scenario["workload"],
  ): string => {
    const given = model(name);
    const normalization = { kind: given.norm, implementation };
    const { shareOfTime } = layerResult(scenario({ model: given, workload, normalization })).normalization;
    return `${(100 * shareOfTime!).toFixed(0)}%`;
  };
  const rows = SHARE_MODELS.map((name) => {
    const { positionRows = Number.POSITIVE_INFINITY, causal } = model(name);
    // BERT's rows are those of 512 positions and two segments
    const mostTokens = positionRows === 514 ? 512 : positionRows;
    const cells = SHARE_WORKLOADS.map((of) => of(mostTokens)).map((workload) =>
      workload.phase === "decode" && !causal
        ? "–"
        : `${share(name, "native", workload)} / ${share(name, "eager", workload)}`,
    );
    return `| ${name} | ${cells.join(" | ")} |`;
  });
  return [
    "| native / eager kernels | prefill, 4096 tokens | prefill, 128 tokens | decode, batch 1 | decode, batch 64 |",
    "|---|---|---|---|---|",
    ...rows,
  ].join("\n");
}

/** The text between a marker and the end of its block. */
function block(text: string, marker: string): string {
  const from = text.indexOf(`<!-- ${marker} -->`);
  if (from < 0) throw new Error(`README has no marker ${marker}`);
  return text.slice(from + `<!-- ${marker} -->`.length, text.indexOf("<!-- end -->", from)).trim();
}

function expectBlock(marker: string, content: string): void {
  const text = readFileSync(README, "utf8");
  const before = block(text, marker);
  if (isUpdating()) {
    writeFileSync(
      README,
      text.replace(`<!-- ${marker} -->\n${before}\n`, () => `<!-- ${marker} -->\n${content}\n`),
    );
    return;
  }
  expect(before).toBe(content);
}

describe("the README shows", () => {
  test("what the default report prints", async () => {
    expectBlock("output of: norm-roofline run", `\`\`\`\n${(await printed("run")).trimEnd()}\n\`\`\``);
  });

  test("what a run that was profiled spent on normalization", async () => {
    const line = "trace test/trace/traces/qwen3-8b-prefill-2x1536-eager-bf16.json.gz";
    const report = await printed(...line.split(" "));
    const head = report.slice(report.indexOf("In this run"), report.indexOf("\nNorms\n")).trimEnd();
    expectBlock(
      `head of: norm-roofline ${line}`,
      `\`\`\`\n$ norm-roofline trace qwen3-8b-prefill.json.gz\n${head}\n\`\`\``,
    );
  });

  test("where normalization reaches a quarter of the time", () => {
    expectBlock("table of: shares", shareTable());
  });

  test("the accuracy that the profiles state", () => {
    expectBlock("table of: validation", validationTable());
  });
});

describe("the README's pictures", () => {
  const text = readFileSync(README, "utf8");
  const pictures = [...text.matchAll(/!\[([^\]]+)\]\((docs\/[\w-]+\.svg)\)/g)];

  test("are there, and say in words what they show", () => {
    expect(pictures.map(([, , path]) => path)).toEqual(["docs/roofline.svg", "docs/share-over-hidden.svg"]);
    for (const [, words, path] of pictures) {
      expect(words!.length).toBeGreaterThan(60);
      expect(readFileSync(new URL(`../${path}`, import.meta.url), "utf8")).toMatch(/^<svg .*<\/svg>\n$/s);
    }
  });

  test("are what the commands draw (npm run charts)", async () => {
    const drawn = await printed("run", "--format", "svg");
    expect(readFileSync(new URL("../docs/roofline.svg", import.meta.url), "utf8")).toBe(drawn);
  });

  test("show what their words say of 25%", async () => {
    const claim = /below hidden (\d+)/.exec(pictures[1]![1]!)?.[1];
    const solved = await printed(
      ...["solve", "--target", "normalization.shareOfTime=25%", "--vary", "hidden"],
      ...["--norm", "layernorm:eager"],
    );
    expect(solved).toContain(`hidden ${claim}`);
  });
});

/** Each page and how many answers it shows at least. */
const PAGES: readonly (readonly [name: string, answers: number])[] = [
  ["from-claim-to-answer", 6],
  ["beyond-one-dense-layer", 6],
  ["stacks", 6],
  ["trace", 3],
];
const COMMAND_BLOCK = /<!-- output of: norm-roofline (.*) -->\n([\s\S]*?)<!-- end -->/g;

describe.each(PAGES)("docs/%s.md shows", (name, answers) => {
  const page = new URL(`../docs/${name}.md`, import.meta.url);
  const text = readFileSync(page, "utf8");
  const blocks = [...text.matchAll(COMMAND_BLOCK)];

  test("an answer for each of its questions", () => {
    expect(blocks.length).toBeGreaterThanOrEqual(answers);
  });

  test.each(blocks.map(([, line, shown]) => [line!, shown!]))("what `%s` prints", async (line, shown) => {
    const content = `\`\`\`\n$ norm-roofline ${line}\n${(await printed(...line.split(" "))).trimEnd()}\n\`\`\`\n`;
    if (isUpdating()) {
      const now = readFileSync(page, "utf8");
      const marker = `<!-- output of: norm-roofline ${line} -->\n`;
      writeFileSync(
        page,
        now.replace(`${marker}${shown}<!-- end -->`, () => `${marker}${content}<!-- end -->`),
      );
      return;
    }
    expect(shown).toBe(content);
  });
});
