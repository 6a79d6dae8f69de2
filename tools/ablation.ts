/**
 * What each effect of the timing model buys: errors on measured layers with the effect switched off, everything else
 * as calibrated (nothing is fitted again).
 *
 *     npm run ablation
 */
import { readFileSync } from "node:fs";
import { accuracy } from "../src/calibration/accuracy.ts";
import { type Hardware, HardwareSchema } from "../src/schema/hardware.ts";
import { MeasurementSchema } from "../src/schema/measurement.ts";
import { replaceParameters } from "../src/schema/parameters.ts";

interface Effect {
  readonly name: string;
  /** parameters that are set to this value when the effect is off */
  readonly off: Readonly<Record<string, number>>;
  readonly hardware?: Partial<Hardware>;
}

const EFFECTS: readonly Effect[] = [
  { name: "nothing off", off: {} },
  {
    name: "kernel floors",
    off: {
      "matmul.floorSeconds": 0,
      "attention.floorSeconds": 0,
      "attention.decodeFloorSeconds": 0,
      "pointwise.vectorizedFloorSeconds": 0,
      "pointwise.stridedFloorSeconds": 0,
      "rowSum.floorSeconds": 0,
      "rowPerBlock.layernorm.floorSeconds": 0,
      "rowPerBlock.rmsnorm.floorSeconds": 0,
      "rowInRegisters.layernorm.floorSeconds": 0,
      "rowInRegisters.rmsnorm.floorSeconds": 0,
    },
  },
  {
    name: "launch gaps",
    off: { "launch.gapSeconds": 0, "launch.streamGapSeconds": 0, "launch.graphStartSeconds": 0 },
  },
  {
    name: "latency of walking a row",
    off: {
      "rowPerBlock.layernorm.rowSecondsPerColumn": 0,
      "rowPerBlock.rmsnorm.rowSecondsPerColumn": 0,
      "rowSum.secondsPerStep": 0,
    },
  },
  {
    name: "achieved bandwidth",
    off: {
      "memory.streamingFraction": 1,
      "memory.rowPerBlockFraction": 1,
      "memory.weightFraction": 1,
      "memory.kvCacheFraction": 1,
    },
  },
  { name: "L2 hits", off: { "cache.residentBytes": 0, "cache.transitionBytes": 0 } },
  {
    name: "achieved matmul rate",
    off: { "matmul.peakFraction": 1, "matmul.sustainedLoss": 0 },
  },
  { name: "clock under sustained load", off: { "matmul.sustainedLoss": 0 } },
  { name: "matmul epilogues", off: { "matmul.epilogueShare": 0 } },
  { name: "matmul pipeline fill", off: { "matmul.secondsPerInner": 0 } },
  { name: "tiles and waves", off: {}, hardware: { computeUnits: 1 } },
  { name: "causal attention's idle processors", off: { "attention.shortSequenceTokens": 0 } },
  { name: "attention gradients' start", off: { "attention.backward.shortSequenceTokens": 0 } },
  {
    name: "issue-bound pointwise kernels",
    off: {
      "pointwise.siluSecondsPerElement": 0,
      "pointwise.geluSecondsPerElement": 0,
      "pointwise.unrolledSecondsPerElement": 0,
      "pointwise.stridedSecondsPerElement": 0,
      "pointwise.transposedSecondsPerElement": 0,
      "pointwise.concatenateSecondsPerElement": 0,
    },
  },
  { name: "second reads of native norms", off: { "rowPerBlock.rereadFlightBytes": 1e30 } },
  {
    name: "host of the eager runtime",
    off: { "host.secondsPerKernel": 0, "host.backwardSecondsPerKernel": 0, "host.stepSeconds": 0 },
  },
];

function without({ off, hardware }: Effect, profile: Hardware): Hardware {
  const calibration = replaceParameters(profile.calibration!, (path, parameter) => ({
    ...parameter,
    value: off[path] ?? parameter.value,
  }));
  return { ...profile, ...hardware, calibration };
}

const GROUPS = ["decode, graph", "prefill <2048, graph", "prefill >=2048, graph", "train, eager"];

function row(name: string, cells: readonly string[]): void {
  console.log(`  ${name.padEnd(36)}${cells.map((cell) => cell.padStart(22)).join("")}`);
}

for (const [profileName, file] of [
  ["h100-sxm", "measurements/h100-sxm/measured.jsonl"],
  ["h200-sxm", "measurements/h200-sxm/layers.jsonl"],
] as const) {
  const profile = HardwareSchema.parse(
    JSON.parse(readFileSync(`hardware-profiles/${profileName}.json`, "utf8")),
  );
  const measured = readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => MeasurementSchema.parse(JSON.parse(line)));
  console.log(`\n${profile.name}, ${file}: median / 90th percentile error of layers that were not fitted`);
  row("switched off", GROUPS);
  for (const effect of EFFECTS) {
    const { layers } = accuracy(measured, without(effect, profile));
    const cells = GROUPS.map((group) => {
      const found = layers.find(({ name, fitted }) => name === group && !fitted);
      return found === undefined
        ? ""
        : `${(100 * found.medianError).toFixed(1)}% / ${(100 * found.percentile90Error).toFixed(1)}%`;
    });
    row(effect.name, cells);
  }
}
