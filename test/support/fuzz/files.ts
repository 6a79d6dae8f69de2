import fc from "fast-check";
import { encoded } from "./bytes.ts";
import { FILE, type Input } from "./input.ts";
import { mutated } from "./mutations.ts";
import { oddTree } from "./odd.ts";
import { HARDWARE, HUGGING_FACE, MEASUREMENTS, MODELS, SCENARIOS } from "./shipped.ts";
import { type Tree, textOf } from "./tree.ts";

/** Files that are nearly what they should be, each read by commands that take such files. */

/** [how often, command line] */
type Lines = readonly (readonly [weight: number, line: string])[];

const SCENARIO_LINES: Lines = [
  [12, "run - --json"],
  [3, "run -"],
  [2, "run - --chart"],
  [1, "run - --format md"],
  [1, "run - --format csv"],
  [2, "run - --format svg"],
  [1, "run - --norm layernorm:eager,rmsnorm:fused --batch 1,7"],
  [3, "check -"],
  [2, "show - --resolved"],
  [2, "show -"],
  [2, "explain - --json"],
  [1, "explain -"],
  [1, "sensitivity - --json"],
  [1, "compare - llama-3-70b-decode-h100"],
  [2, "sweep - --batch 1,3 --hidden 1024-4096*2 --format jsonl"],
  [1, "sweep - --sequence 1,64 --format svg"],
  [1, "solve - --target normalization.shareOfTime=5% --vary batch --json"],
  [1, "claims - --json"],
];

const PART_LINES: Lines = [
  [3, "check -"],
  [3, "show -"],
  [1, `show ${FILE}`],
  [1, `check ${FILE}`],
];

const MODEL_LINES: Lines = [
  ...PART_LINES,
  [12, "run --model - --json"],
  [2, `run --model ${FILE} --phase decode --batch 64 --context 4096`],
  [1, `run --model ${FILE} --phase train --batch 2`],
  [1, "run --model - --tensor-parallel 2 --sequence-parallel --format csv"],
  [1, `explain --model ${FILE} --json`],
  [1, `sweep --model ${FILE},llama-3-8b --batch 1,8 --format csv`],
];

const HARDWARE_LINES: Lines = [
  ...PART_LINES,
  [12, `run --hardware ${FILE} --json`],
  [2, `run llama-3-70b-decode-h100 --hardware ${FILE}`],
  [1, `run llama-3-70b-train-h100 --hardware ${FILE} --chart`],
  [1, `compare --hardware ${FILE},h100-sxm --format svg`],
  [1, `explain --hardware ${FILE} --json`],
  [1, `sensitivity --hardware ${FILE}`],
];

const MEASUREMENTS_LINES: Lines = [
  [4, `accuracy --against ${FILE} --json`],
  [3, `accuracy rtx-4090 --against ${FILE}`],
  [1, `accuracy --against ${FILE} --max-error 0.1 --format csv`],
  [3, `calibrate ${FILE} --base h100-sxm`],
  [2, `calibrate ${FILE} --base rtx-4090 --scratch`],
];

const lineOf = (lines: Lines): fc.Arbitrary<readonly string[]> =>
  fc
    .oneof(...lines.map(([weight, line]) => ({ weight, arbitrary: fc.constant(line) })))
    .map((line) => line.split(" "));

const oneOf = (trees: readonly Tree[]): fc.Arbitrary<Tree> =>
  fc.oneof({ weight: 30, arbitrary: fc.constantFrom(...trees) }, { weight: 1, arbitrary: oddTree });

const oneFile = (trees: readonly Tree[]): fc.Arbitrary<string> => mutated(oneOf(trees)).map(textOf);

const jsonLines = (row: fc.Arbitrary<Tree>, most: number): fc.Arbitrary<string> =>
  fc
    .tuple(mutated(row), fc.array(row, { maxLength: most }))
    .map(([first, rest]) => `${[...rest, first].map(textOf).join("\n")}\n`);

const measuredRow = fc.constantFrom(...MEASUREMENTS).chain((rows) => oneOf(rows));

const input = (content: fc.Arbitrary<string>, lines: Lines): fc.Arbitrary<Input> =>
  fc.record({ argv: lineOf(lines), content: encoded(content) });

export const FILE_INPUTS = {
  scenario: input(oneFile(SCENARIOS), SCENARIO_LINES),
  model: input(oneFile(MODELS), MODEL_LINES),
  hardware: input(oneFile(HARDWARE), HARDWARE_LINES),
  config: input(oneFile(HUGGING_FACE), MODEL_LINES),
  measurements: input(jsonLines(measuredRow, 5), MEASUREMENTS_LINES),
} as const;
