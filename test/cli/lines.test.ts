import { describe, expect, test } from "vitest";
import { command, words } from "../support/command.ts";

/** [line, what standard output must show] */
const ANSWERED: readonly [string, RegExp][] = [
  ["", /Usage: norm-roofline <command>/],
  ["--help", /Commands:/],
  ["help", /Commands:/],
  ["--version", /^\d+\.\d+\.\d+\n$/],
  ["help run", /Examples:/],
  ["run --help", /--kv-heads/],
  ["compare --help", /Examples:/],
  ["list --help", /Examples:/],
  ["show --help", /Examples:/],
  ["schema --help", /Examples:/],
  ["check --help", /Examples:/],
  ["completion --help", /Examples:/],
  ["accuracy --help", /Examples:/],
  ["calibrate --help", /Examples:/],
  ["run", /Normalization is 0\.01% of FLOPs/],
  ["run llama-3-70b-decode-h100", /decode batch 16/],
  ["run normalization-paradox", /25\.0%/],
  ["run bert-large-train-v100", /Ivanov et al\. 2021/],
  ["run --hidden 4096", /hidden 4096: heads 32, KV heads 4, FFN 14336/],
  ["run --hidden 4096 --set model.ffn=8192", /hidden 4096: heads 32, KV heads 4 \(scaled/],
  ["run --phase decode --set workload.context=512", /decode batch 1,\s+context 512(?!.*context 4096)/s],
  ["run --phase train --set workload.sequence=64 llama-3-70b-decode-h100", /train 16 × 64(?!.*2048, as)/s],
  ["run --hidden 4096 --ffn 8192", /hidden 4096: heads 32, KV heads 4 \(scaled/],
  ["run --batch 1,8", /batch/],
  ["run --batch 1-64*4 --format csv", /^batch,/],
  ["run --norm rmsnorm:fused", /RMSNorm/],
  ["run --norm :eager", /eager/],
  ["run --phase decode", /context 4096/],
  ["run --phase train --runtime eager", /-backward/],
  ["run --precision fp16 --hardware v100-sxm2-32gb", /V100/],
  ["run --hardware test/support/datasheet/mi300x.json", /no calibration/],
  ["run --tensor-parallel 8", /all-reduce/],
  ["run --tensor-parallel 8 --sequence-parallel", /reduce-scatter/],
  ["run --set workload.batch=2", /prefill 2 × 4096/],
  ["run --set precision.kvCache=fp16 --json", /"kvCache": "fp16"/],
  ["run --format md", /\| attention-norm/],
  ["run --format csv", /^(\w+,)+\w+\n/],
  ["run --format jsonl", /^\{"schemaVersion":1/],
  ["compare llama-3-70b-prefill-h100 llama-3-70b-decode-h100", /decode/],
  ["compare --hardware h100-sxm,l40s", /L40S/],
  ["list", /llama-3-70b/],
  ["list hardware", /rtx-4090/],
  ["list norms", /residual-fused/],
  ["show h100-sxm", /"hbmBytesPerSecond"/],
  ["show llama-3-70b-prefill-h100 --resolved", /"vocabulary": 128256/],
  ["schema", /scenario/],
  ["schema scenario", /"\$schema"/],
  ["check scenarios/normalization-paradox.json models/gpt2-xl.json", /ok {2}scenario/],
  ["check measurements/h200-sxm/norm-widths.jsonl", /ok {2}measurement/],
  ["solve --target normalization.shareOfTime=1% --vary heads", /at heads \d+/],
  ["solve --target normalization.shareOfTime=2% --vary kv-heads", /between 1 and 512/],
  ["solve --target wholeModel.seconds=1 --vary pipeline", /between 1 and 16/],
  [
    "solve --model mixtral-8x7b --target normalization.shareOfTime=3% --vary expert-parallel",
    /Searched expert-parallel from 1 to 16/,
  ],
  [
    "solve llama-3-70b-decode-h100 --target cost.usdPerMillionTokens=3 --vary gpu-hour-usd --range 0.5-3.5",
    /at gpu-hour-usd 2\.99/,
  ],
  ["compare --hardware h100-sxm,test/support/datasheet/b200.json", /datasheet's roofline/],
  ["sensitivity --model mixtral-8x7b --expert-parallel 2", /model\.experts\.ffn[\s\S]*network\./],
  ["completion bash", /complete/],
  ["completion zsh", /compdef/],
  ["completion fish", /complete -c norm-roofline/],
  ["accuracy h100-sxm --against measurements/h100-sxm/counters.jsonl", /norm native, rereads/],
];

describe("a command line that can be answered", () => {
  test.each(ANSWERED)("%s", async (line, pattern) => {
    const { code, stdout, stderr } = await command(words(line));
    expect(stderr).toBe("");
    expect(stdout).toMatch(pattern);
    expect(code).toBe(0);
  });
});

/** [line, what standard error must say] */
const REFUSED: readonly [string, RegExp][] = [
  ["runn", /unknown command.*[\s\S]*run/],
  ["run --hiden 4096", /unknown option[\s\S]*--hidden/],
  ["run --format xml", /table, json, jsonl, csv, md/],
  ["run nope", /no scenario named "nope"[\s\S]*list scenarios/],
  ["run llama-3-70b-prefill-h10", /did you mean "llama-3-70b-prefill-h100"/],
  ["run --model llama-3-7b", /did you mean "llama-3-70b"/],
  ["run --hardware h100-smx", /did you mean "h100-sxm", "h100-pcie" or "h100-nvl"\?/],
  ["run --hardware h100", /did you mean "h100-sxm", "h100-pcie" or "h100-nvl"\?/],
  ["run --hardware h200", /did you mean "h200-sxm" or "h200-nvl"\?/],
  ["run --hardware gh100", /no profile named "gh100" \(run `norm-roofline list hardware`\)/],
  ["show h200", /did you mean "h200-sxm" or "h200-nvl"\?/],
  ["accuracy h200", /did you mean "h200-sxm" or "h200-nvl"\?/],
  ["calibrate x.jsonl --base a100", /did you mean "a100-sxm-80gb", "a100-sxm-40gb" or "a100-pcie"\?/],
  ["run --batch 0", /--batch: workload\.batch: expected a whole number of at least 1, got 0/],
  ["run --batch -3", /--batch/],
  ["run --batch 1.5", /--batch: .*whole number/],
  ["run --batch NaN", /--batch/],
  ["run --batch 1e400", /--batch/],
  ["run --batch ''", /--batch/],
  ["run --batch 1-8+0", /--batch/],
  ["run --batch 1-1000000", /--batch/],
  ["run --hidden 0", /hidden/],
  ["run --phase sleep", /"prefill", "decode" or "train", got "sleep"/],
  ["run --norm batchnorm", /layernorm/],
  ["run --norm rmsnorm:fast", /native/],
  ["run --precision fp12", /fp12/],
  ["run --hardware v100-sxm2-32gb", /no bf16 rate; it has .*fp16.*--precision fp16/],
  ["run --tensor-parallel 7", /divisor of the model's heads \(64\), got 7/],
  ["run --phase decode --sequence 4", /one new token per sequence/],
  ["run --set workload.batches=2", /unknown key[\s\S]*batch/],
  ["run --set __proto__.polluted=1", /__proto__/],
  ["run --set constructor.prototype.polluted=1", /constructor/],
  ["run --set batch", /--set/],
  ["run --fail-if normalization.shareOfTime", /--fail-if|condition/i],
  ["run --fail-if nothing.here>1", /nothing\.here/],
  ["run -o result.xyz", /cannot tell the format/],
  ["run -o /nonexistent/folder/x.json", /cannot write .*: there is no folder \/nonexistent\/folder/],
  ["run ./missing.json", /cannot read \.\/missing\.json: no such file/],
  ["run ./src/", /folder/],
  ["run --model package.json/x/y.json", /cannot read package\.json\/x\/y\.json: no such file/],
  ["list animals", /models, hardware, scenarios, stacks, norms/],
  ["show nothing-of-this-name", /nothing-of-this-name/],
  ["schema sonnet", /sonnet/],
  ["check ./missing.json", /missing\.json/],
  ["solve --target normalization.shareOfTime=25 --vary hidden", /try normalization\.shareOfTime=25%/],
  ["solve --target normalization.shareOfTime=150% --vary hidden", /at most 1 or 100%, got 150%$/m],
  [
    "solve --target normalization.shareOfTime=2% --vary hidden --hidden 2048",
    /--hidden: --vary hidden gives model\.hidden a value too/,
  ],
  ["run --hidden 4096 --set model.hidden=5120", /--hidden: --set model\.hidden gives model\.hidden a value/],
  [
    "run --batch 8 --set workload.batch=8",
    /--batch: --set workload\.batch gives workload\.batch a value too/,
  ],
  ['compare --phase decode --set \'workload={"phase":"decode"}\'', /--phase: --set workload gives/],
  ["run --model gpt2-xl --set model=llama-3-8b", /--model: --set model gives model a value too/],
  ["claims --norm rmsnorm --set normalization.kind=layernorm", /--norm: --set normalization\.kind gives/],
  ["explain --norm :fused --set normalization.implementation=eager", /--norm: --set normalization\.impl/],
  [
    "sensitivity --gpu-hour-usd 2 --set hardware.gpuHourUsd.value=3",
    /--gpu-hour-usd: --set hardware\.gpuHour/,
  ],
  ["report --runtime eager --set runtime=graph", /--runtime: --set runtime gives runtime a value too/],
  [
    "show llama-3-70b-prefill-h100 --sequence-parallel --set parallelism.sequenceParallel=false",
    /--sequence-parallel: --set parallelism\.sequenceParallel gives/,
  ],
  ["run --set workload.batch=1 --set workload.batch=2", /--set workload\.batch is given twice/],
  ["run --hidden 4096 --hidden 5120", /--hidden is given twice: 4096 and 5120/],
  ["run --format json --format csv", /--format is given twice: json and csv/],
  ["calibrate x.jsonl --base h100-sxm --base l4", /--base is given twice: h100-sxm and l4/],
  ["accuracy --max-error 1 --max-error 2", /--max-error is given twice: 1 and 2/],
  ["sweep --batch 1,2 --batch 4", /--batch is given twice: 1,2 and 4/],
  ["list -o a.csv -o ./a.csv", /-o \.\/a\.csv is given twice/],
  ["show h100-sxm --hidden 3", /is a hardware profile: flags and --resolved are for scenarios/],
  ["explain ffn-norm attention-norm", /"ffn-norm" is no scenario: .*one operator/],
  ["run llama-3-8b", /that is a model, --model llama-3-8b/],
  ["run h100-sxm", /that is a profile, --hardware h100-sxm/],
  ["run --model lama-3-8b", /flags do not give a valid scenario[\s\S]*--model: no model named/],
  ["run --tensor-parallel 3", /--tensor-parallel: parallelism\.tensor: expected a divisor/],
  ["completion tcsh", /bash, zsh/],
  ["compare --hardware h100-sxm,nope", /no profile named "nope"/],
  ["accuracy a10", /no measurements of "a10"[\s\S]*--against/],
  ["accuracy h100-sxm --max-error much", /--max-error/],
  ["accuracy --against measurements/h100-sxm/counters.jsonl --max-error 0.1", /nothing to judge/],
  ["claims --fail-if 'operators.router.seconds>1'", /no number at operators\.router\.seconds/],
  ["run --fail-if 'operators.router.seconds>1'", /no number at operators\.router\.seconds/],
  ["accuracy h100-sxm --against models/gpt2-xl.json", /not a valid measurements file/],
  ["calibrate measurements/h100-sxm/counters.jsonl", /--base/],
  ["calibrate missing.jsonl --base h100-sxm", /cannot read missing\.jsonl/],
];

describe("a command line that cannot be answered", () => {
  test.each(REFUSED)("%s: says why, exits with 2, prints nothing else", async (line, pattern) => {
    const { code, stdout, stderr } = await command(words(line));
    expect(stderr).toMatch(pattern);
    expect(stdout).toBe("");
    expect(code).toBe(2);
    expect(stderr).not.toMatch(/^\s+at /m);
  });

  test("leaves the prototype of all objects alone", async () => {
    await command(words("run --set __proto__.polluted=1"));
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });
});

test.each(["run --json", "sweep --batch 1,2 --format csv", "list hardware"])(
  "`%s -o -` is standard output",
  async (line) => {
    expect(await command(words(`${line} -o -`))).toEqual(await command(words(line)));
  },
);

describe("a check", () => {
  test.each([
    ["run --fail-if 'normalization.shareOfTime>0.5'", 0],
    ["run --fail-if 'normalization.shareOfTime>0.001'", 1],
    ["run --fail-if 'layer.kernels==21'", 1],
    ["accuracy h100-sxm --max-error 0.2", 0],
    ["accuracy h100-sxm --max-error 0.0001", 1],
  ])("%s exits with %d", async (line, expected) => {
    const { code, stdout, stderr } = await command(words(line));
    expect(code).toBe(expected);
    expect(stdout).not.toBe("");
    expect(stderr === "").toBe(expected === 0);
  });
});
