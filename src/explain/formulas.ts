// Written by `npm run formulas` from src/roofline; do not edit.

import { wireBytes } from "../layer/collective.ts";
import { readBytes, writeBytes } from "../layer/kernel.ts";
import {
  type attentionTime,
  blockFlops,
  comparableQueries,
  DECODE_ROWS,
  type decodeAttentionTime,
  type decodeFraction,
  type decodePadding,
  decodeWidth,
  hasTensorCores,
  headDimFraction,
  type launchedWidth,
  meanWidth,
  NARROW_DECODE_FRACTION,
  paddedWidth,
  shortSequenceFactor,
  unevenShare,
  WIDE_DECODE_FRACTION,
  WIDEST_DECODE,
} from "../roofline/attention-time.ts";
import { bulkFraction, type collectiveTime } from "../roofline/collective-time.ts";
import { type idealTiming, type networkSeconds, peakOf } from "../roofline/ideal.ts";
import {
  DEEPEST_INNER,
  groupedPadding,
  type matmulTime,
  outputShare,
  sustainedClock,
  tilePadding,
  typeSpeed,
} from "../roofline/matmul-time.ts";
import {
  issueSeconds,
  PERSISTENT_SOFTMAX_COLUMNS,
  type pointwiseTime,
  type selectionTime,
  type softmaxTime,
  type streamingSeconds,
} from "../roofline/pointwise-time.ts";
import {
  type columnSumTime,
  LATER_WAVES_KEEP,
  type quantizeTime,
  REREAD_SHARPNESS,
  ROW_SUM_SOFTNESS,
  type rereadBytes,
  type rowInRegistersBackwardTime,
  type rowInRegistersTime,
  type rowPerBlockTime,
  type rowSumTime,
  threadsPerRow,
} from "../roofline/row-time.ts";
import { power, softMaximum, softMaximum4 } from "../roofline/soft-maximum.ts";
import { timing } from "../roofline/terms.ts";
import { matmulPeak } from "../schema/peaks.ts";
import { inside, note, type Step, type Traced } from "./step.ts";

export function pointwiseTimeSteps(
  ...[work, traffic, device]: Parameters<typeof pointwiseTime>
): Traced<ReturnType<typeof pointwiseTime>> {
  const steps: Step[] = [];
  const c = device.calibration!;
  note(steps, "c", "$0", c, [["device.calibration", device.calibration, device, "calibration"]]);
  note(steps, "fraction", "$0", c.memory.streamingFraction, [
    ["c.memory.streamingFraction", c.memory.streamingFraction, c.memory, "streamingFraction"],
  ]);
  const { memory, cache } = inside(steps, streamingSecondsSteps(traffic, device, c.memory.streamingFraction));
  const vectorized = work.access === "vectorized" || work.access === "silu" || work.access === "gelu";
  note(steps, "vectorized", '$0 === "vectorized" || $0 === "silu" || $0 === "gelu"', vectorized, [
    ["work.access", work.access, work, "access"],
  ]);
  const floor = vectorized ? c.pointwise.vectorizedFloorSeconds : c.pointwise.stridedFloorSeconds;
  note(steps, "floor", "$0 ? $1 : $2", floor, [
    ["vectorized", vectorized],
    [
      "c.pointwise.vectorizedFloorSeconds",
      c.pointwise.vectorizedFloorSeconds,
      c.pointwise,
      "vectorizedFloorSeconds",
    ],
    ["c.pointwise.stridedFloorSeconds", c.pointwise.stridedFloorSeconds, c.pointwise, "stridedFloorSeconds"],
  ]);
  const issue = work.elements * issueSeconds(work.access, c.pointwise);
  note(steps, "issue", "$0 * $1", issue, [
    ["work.elements", work.elements, work, "elements"],
    ["issueSeconds(work.access, c.pointwise)", issueSeconds(work.access, c.pointwise)],
  ]);
  note(steps, "latency", "$0 + $1", floor + issue, [
    ["floor", floor],
    ["issue", issue],
  ]);
  note(
    steps,
    "seconds",
    "$0 + softMaximum($1, $2, $3 + $4)",
    floor + softMaximum(c.pointwise.softness, issue, memory + cache),
    [
      ["floor", floor],
      ["c.pointwise.softness", c.pointwise.softness, c.pointwise, "softness"],
      ["issue", issue],
      ["memory", memory],
      ["cache", cache],
    ],
  );
  return {
    steps,
    result: timing(floor + softMaximum(c.pointwise.softness, issue, memory + cache), {
      memory,
      cache,
      latency: floor + issue,
    }),
  };
}

export function softmaxTimeSteps(
  ...[work, traffic, device]: Parameters<typeof softmaxTime>
): Traced<ReturnType<typeof softmaxTime>> {
  const steps: Step[] = [];
  const c = device.calibration!;
  note(steps, "c", "$0", c, [["device.calibration", device.calibration, device, "calibration"]]);
  note(steps, "fraction", "$0", c.memory.streamingFraction, [
    ["c.memory.streamingFraction", c.memory.streamingFraction, c.memory, "streamingFraction"],
  ]);
  const { memory, cache } = inside(steps, streamingSecondsSteps(traffic, device, c.memory.streamingFraction));
  const floor = c.pointwise.stridedFloorSeconds;
  note(steps, "floor", "$0", floor, [
    ["c.pointwise.stridedFloorSeconds", c.pointwise.stridedFloorSeconds, c.pointwise, "stridedFloorSeconds"],
  ]);
  const persistent = work.columns <= PERSISTENT_SOFTMAX_COLUMNS;
  note(steps, "persistent", "$0 <= $1", persistent, [
    ["work.columns", work.columns, work, "columns"],
    ["PERSISTENT_SOFTMAX_COLUMNS", PERSISTENT_SOFTMAX_COLUMNS],
  ]);
  const { softmax: p } = c;
  const issue = work.elements * (persistent ? p.persistentSecondsPerElement : p.secondsPerElement);
  note(steps, "issue", "$0 * ($1 ? $2 : $3)", issue, [
    ["work.elements", work.elements, work, "elements"],
    ["persistent", persistent],
    ["p.persistentSecondsPerElement", p.persistentSecondsPerElement, p, "persistentSecondsPerElement"],
    ["p.secondsPerElement", p.secondsPerElement, p, "secondsPerElement"],
  ]);
  const walk = work.columns * (persistent ? p.persistentRowSecondsPerColumn : p.rowSecondsPerColumn);
  note(steps, "walk", "$0 * ($1 ? $2 : $3)", walk, [
    ["work.columns", work.columns, work, "columns"],
    ["persistent", persistent],
    ["p.persistentRowSecondsPerColumn", p.persistentRowSecondsPerColumn, p, "persistentRowSecondsPerColumn"],
    ["p.rowSecondsPerColumn", p.rowSecondsPerColumn, p, "rowSecondsPerColumn"],
  ]);
  note(steps, "latency", "$0 + Math.max($1, $2)", floor + Math.max(walk, issue), [
    ["floor", floor],
    ["walk", walk],
    ["issue", issue],
  ]);
  note(
    steps,
    "seconds",
    "$0 + softMaximum($1, $2, $3, $4 + $5)",
    floor + softMaximum(c.pointwise.softness, walk, issue, memory + cache),
    [
      ["floor", floor],
      ["c.pointwise.softness", c.pointwise.softness, c.pointwise, "softness"],
      ["walk", walk],
      ["issue", issue],
      ["memory", memory],
      ["cache", cache],
    ],
  );
  return {
    steps,
    result: timing(floor + softMaximum(c.pointwise.softness, walk, issue, memory + cache), {
      memory,
      cache,
      latency: floor + Math.max(walk, issue),
    }),
  };
}

export function selectionTimeSteps(
  ...[work, traffic, device]: Parameters<typeof selectionTime>
): Traced<ReturnType<typeof selectionTime>> {
  const steps: Step[] = [];
  const c = device.calibration!;
  note(steps, "c", "$0", c, [["device.calibration", device.calibration, device, "calibration"]]);
  note(steps, "fraction", "$0", c.memory.streamingFraction, [
    ["c.memory.streamingFraction", c.memory.streamingFraction, c.memory, "streamingFraction"],
  ]);
  const { memory, cache } = inside(steps, streamingSecondsSteps(traffic, device, c.memory.streamingFraction));
  const floor = c.experts.selectionFloorSeconds;
  note(steps, "floor", "$0", floor, [
    ["c.experts.selectionFloorSeconds", c.experts.selectionFloorSeconds, c.experts, "selectionFloorSeconds"],
  ]);
  const each = work.step === "sort" ? c.experts.sortSecondsPerElement : c.experts.topKSecondsPerElement;
  note(steps, "each", '$0 === "sort" ? $1 : $2', each, [
    ["work.step", work.step, work, "step"],
    ["c.experts.sortSecondsPerElement", c.experts.sortSecondsPerElement, c.experts, "sortSecondsPerElement"],
    ["c.experts.topKSecondsPerElement", c.experts.topKSecondsPerElement, c.experts, "topKSecondsPerElement"],
  ]);
  const issue = work.elements * each;
  note(steps, "issue", "$0 * $1", issue, [
    ["work.elements", work.elements, work, "elements"],
    ["each", each],
  ]);
  note(steps, "latency", "$0 + $1", floor + issue, [
    ["floor", floor],
    ["issue", issue],
  ]);
  note(
    steps,
    "seconds",
    "$0 + softMaximum($1, $2, $3 + $4)",
    floor + softMaximum(c.pointwise.softness, issue, memory + cache),
    [
      ["floor", floor],
      ["c.pointwise.softness", c.pointwise.softness, c.pointwise, "softness"],
      ["issue", issue],
      ["memory", memory],
      ["cache", cache],
    ],
  );
  return {
    steps,
    result: timing(floor + softMaximum(c.pointwise.softness, issue, memory + cache), {
      memory,
      cache,
      latency: floor + issue,
    }),
  };
}

export function rowPerBlockTimeSteps(
  ...[work, traffic, device]: Parameters<typeof rowPerBlockTime>
): Traced<ReturnType<typeof rowPerBlockTime>> {
  const steps: Step[] = [];
  const c = device.calibration!;
  note(steps, "c", "$0", c, [["device.calibration", device.calibration, device, "calibration"]]);
  const p = c.rowPerBlock[work.direction === "forward" ? work.norm : "backward"];
  note(steps, "p", "$0", p, [
    [
      'c.rowPerBlock[work.direction === "forward" ? work.norm : "backward"]',
      c.rowPerBlock[work.direction === "forward" ? work.norm : "backward"],
    ],
  ]);
  const again = inside(steps, rereadBytesSteps(work, device));
  note(steps, "again", "$0", again, [["rereadBytes(work, device)", again]]);
  note(steps, "traffic.hbmBytes", "$0 + $1", traffic.hbmBytes + again, [
    ["traffic.hbmBytes", traffic.hbmBytes, traffic, "hbmBytes"],
    ["again", again],
  ]);
  note(steps, "traffic.l2Bytes", "$0", traffic.l2Bytes, [
    ["traffic.l2Bytes", traffic.l2Bytes, traffic, "l2Bytes"],
  ]);
  note(steps, "fraction", "$0", c.memory.rowPerBlockFraction, [
    ["c.memory.rowPerBlockFraction", c.memory.rowPerBlockFraction, c.memory, "rowPerBlockFraction"],
  ]);
  const { memory, cache } = inside(
    steps,
    streamingSecondsSteps(
      { hbmBytes: traffic.hbmBytes + again, l2Bytes: traffic.l2Bytes },
      device,
      c.memory.rowPerBlockFraction,
    ),
  );
  const walk = p.rowSecondsPerColumn * work.columns;
  note(steps, "walk", "$0 * $1", walk, [
    ["p.rowSecondsPerColumn", p.rowSecondsPerColumn, p, "rowSecondsPerColumn"],
    ["work.columns", work.columns, work, "columns"],
  ]);
  const issue = work.rows * (p.blockSeconds + p.blockSecondsPerColumn * work.columns);
  note(steps, "issue", "$0 * ($1 + $2 * $3)", issue, [
    ["work.rows", work.rows, work, "rows"],
    ["p.blockSeconds", p.blockSeconds, p, "blockSeconds"],
    ["p.blockSecondsPerColumn", p.blockSecondsPerColumn, p, "blockSecondsPerColumn"],
    ["work.columns", work.columns, work, "columns"],
  ]);
  note(steps, "latency", "$0 + Math.max($1, $2)", p.floorSeconds + Math.max(walk, issue), [
    ["p.floorSeconds", p.floorSeconds, p, "floorSeconds"],
    ["walk", walk],
    ["issue", issue],
  ]);
  note(
    steps,
    "seconds",
    "$0 + softMaximum($1, $2, $3, $4 + $5)",
    p.floorSeconds + softMaximum(c.rowPerBlock.softness, walk, issue, memory + cache),
    [
      ["p.floorSeconds", p.floorSeconds, p, "floorSeconds"],
      ["c.rowPerBlock.softness", c.rowPerBlock.softness, c.rowPerBlock, "softness"],
      ["walk", walk],
      ["issue", issue],
      ["memory", memory],
      ["cache", cache],
    ],
  );
  return {
    steps,
    result: timing(p.floorSeconds + softMaximum(c.rowPerBlock.softness, walk, issue, memory + cache), {
      memory,
      cache,
      latency: p.floorSeconds + Math.max(walk, issue),
    }),
  };
}

export function rowInRegistersTimeSteps(
  ...[work, traffic, device]: Parameters<typeof rowInRegistersTime>
): Traced<ReturnType<typeof rowInRegistersTime>> {
  const steps: Step[] = [];
  const c = device.calibration!;
  note(steps, "c", "$0", c, [["device.calibration", device.calibration, device, "calibration"]]);
  const p = c.rowInRegisters[work.norm];
  note(steps, "p", "$0", p, [["c.rowInRegisters[work.norm]", c.rowInRegisters[work.norm]]]);
  note(steps, "fraction", "$0", c.memory.streamingFraction, [
    ["c.memory.streamingFraction", c.memory.streamingFraction, c.memory, "streamingFraction"],
  ]);
  const streaming = inside(steps, streamingSecondsSteps(traffic, device, c.memory.streamingFraction));
  note(steps, "streaming", "$0", streaming, [
    ["streamingSeconds(traffic, device, c.memory.streamingFraction)", streaming],
  ]);
  const memory = streaming.memory;
  note(steps, "memory", "$0", memory, [["streaming.memory", streaming.memory, streaming, "memory"]]);
  const cache = streaming.cache * c.rowInRegisters.cacheFactor;
  note(steps, "cache", "$0 * $1", cache, [
    ["streaming.cache", streaming.cache, streaming, "cache"],
    ["c.rowInRegisters.cacheFactor", c.rowInRegisters.cacheFactor, c.rowInRegisters, "cacheFactor"],
  ]);
  const padded = 2 ** Math.ceil(Math.log2(work.columns));
  note(steps, "padded", "2 ** Math.ceil(Math.log2($0))", padded, [
    ["work.columns", work.columns, work, "columns"],
  ]);
  const floor = p.floorSeconds + c.rowInRegisters.inputSeconds * (work.inputs - 1);
  note(steps, "floor", "$0 + $1 * ($2 - 1)", floor, [
    ["p.floorSeconds", p.floorSeconds, p, "floorSeconds"],
    ["c.rowInRegisters.inputSeconds", c.rowInRegisters.inputSeconds, c.rowInRegisters, "inputSeconds"],
    ["work.inputs", work.inputs, work, "inputs"],
  ]);
  const walk = p.rowSecondsPerColumn * padded * work.inputs;
  note(steps, "walk", "$0 * $1 * $2", walk, [
    ["p.rowSecondsPerColumn", p.rowSecondsPerColumn, p, "rowSecondsPerColumn"],
    ["padded", padded],
    ["work.inputs", work.inputs, work, "inputs"],
  ]);
  const issue = p.secondsPerElement * padded * work.rows;
  note(steps, "issue", "$0 * $1 * $2", issue, [
    ["p.secondsPerElement", p.secondsPerElement, p, "secondsPerElement"],
    ["padded", padded],
    ["work.rows", work.rows, work, "rows"],
  ]);
  const busy = softMaximum(c.rowInRegisters.softness, issue, memory + cache);
  note(steps, "busy", "softMaximum($0, $1, $2 + $3)", busy, [
    ["c.rowInRegisters.softness", c.rowInRegisters.softness, c.rowInRegisters, "softness"],
    ["issue", issue],
    ["memory", memory],
    ["cache", cache],
  ]);
  note(steps, "latency", "$0 + Math.max($1, $2)", floor + Math.max(walk, issue), [
    ["floor", floor],
    ["walk", walk],
    ["issue", issue],
  ]);
  note(steps, "seconds", "$0 + $1 + $2", floor + walk + busy, [
    ["floor", floor],
    ["walk", walk],
    ["busy", busy],
  ]);
  return {
    steps,
    result: timing(floor + walk + busy, { memory, cache, latency: floor + Math.max(walk, issue) }),
  };
}

export function quantizeTimeSteps(
  ...[work, traffic, device]: Parameters<typeof quantizeTime>
): Traced<ReturnType<typeof quantizeTime>> {
  const steps: Step[] = [];
  const c = device.calibration!;
  note(steps, "c", "$0", c, [["device.calibration", device.calibration, device, "calibration"]]);
  note(steps, "fraction", "$0", c.memory.streamingFraction, [
    ["c.memory.streamingFraction", c.memory.streamingFraction, c.memory, "streamingFraction"],
  ]);
  const streaming = inside(steps, streamingSecondsSteps(traffic, device, c.memory.streamingFraction));
  note(steps, "streaming", "$0", streaming, [
    ["streamingSeconds(traffic, device, c.memory.streamingFraction)", streaming],
  ]);
  const memory = streaming.memory;
  note(steps, "memory", "$0", memory, [["streaming.memory", streaming.memory, streaming, "memory"]]);
  const cache = streaming.cache * c.rowInRegisters.cacheFactor;
  note(steps, "cache", "$0 * $1", cache, [
    ["streaming.cache", streaming.cache, streaming, "cache"],
    ["c.rowInRegisters.cacheFactor", c.rowInRegisters.cacheFactor, c.rowInRegisters, "cacheFactor"],
  ]);
  const latency =
    c.quantization.floorSeconds +
    c.quantization.rowSecondsPerColumn * 2 ** Math.ceil(Math.log2(work.columns));
  note(steps, "latency", "$0 + $1 * 2 ** Math.ceil(Math.log2($2))", latency, [
    ["c.quantization.floorSeconds", c.quantization.floorSeconds, c.quantization, "floorSeconds"],
    [
      "c.quantization.rowSecondsPerColumn",
      c.quantization.rowSecondsPerColumn,
      c.quantization,
      "rowSecondsPerColumn",
    ],
    ["work.columns", work.columns, work, "columns"],
  ]);
  note(steps, "seconds", "$0 + $1 + $2", latency + memory + cache, [
    ["latency", latency],
    ["memory", memory],
    ["cache", cache],
  ]);
  return { steps, result: timing(latency + memory + cache, { memory, cache, latency }) };
}

export function rowInRegistersBackwardTimeSteps(
  ...[work, traffic, device]: Parameters<typeof rowInRegistersBackwardTime>
): Traced<ReturnType<typeof rowInRegistersBackwardTime>> {
  const steps: Step[] = [];
  const c = device.calibration!;
  note(steps, "c", "$0", c, [["device.calibration", device.calibration, device, "calibration"]]);
  const p = c.rowInRegisters.backward;
  note(steps, "p", "$0", p, [
    ["c.rowInRegisters.backward", c.rowInRegisters.backward, c.rowInRegisters, "backward"],
  ]);
  note(steps, "fraction", "$0", c.memory.streamingFraction, [
    ["c.memory.streamingFraction", c.memory.streamingFraction, c.memory, "streamingFraction"],
  ]);
  const { memory, cache } = inside(steps, streamingSecondsSteps(traffic, device, c.memory.streamingFraction));
  const rowsPerBlock = Math.ceil(work.rows / device.hardware.computeUnits);
  note(steps, "rowsPerBlock", "Math.ceil($0 / $1)", rowsPerBlock, [
    ["work.rows", work.rows, work, "rows"],
    ["device.hardware.computeUnits", device.hardware.computeUnits, device.hardware, "computeUnits"],
  ]);
  const padded = 2 ** Math.ceil(Math.log2(work.columns));
  note(steps, "padded", "2 ** Math.ceil(Math.log2($0))", padded, [
    ["work.columns", work.columns, work, "columns"],
  ]);
  const walk = rowsPerBlock * (p.rowSeconds + p.rowSecondsPerColumn * padded);
  note(steps, "walk", "$0 * ($1 + $2 * $3)", walk, [
    ["rowsPerBlock", rowsPerBlock],
    ["p.rowSeconds", p.rowSeconds, p, "rowSeconds"],
    ["p.rowSecondsPerColumn", p.rowSecondsPerColumn, p, "rowSecondsPerColumn"],
    ["padded", padded],
  ]);
  note(steps, "latency", "$0 + $1", p.floorSeconds + walk, [
    ["p.floorSeconds", p.floorSeconds, p, "floorSeconds"],
    ["walk", walk],
  ]);
  note(
    steps,
    "seconds",
    "$0 + softMaximum($1, $2, $3 + $4)",
    p.floorSeconds + softMaximum(c.rowPerBlock.softness, walk, memory + cache),
    [
      ["p.floorSeconds", p.floorSeconds, p, "floorSeconds"],
      ["c.rowPerBlock.softness", c.rowPerBlock.softness, c.rowPerBlock, "softness"],
      ["walk", walk],
      ["memory", memory],
      ["cache", cache],
    ],
  );
  return {
    steps,
    result: timing(p.floorSeconds + softMaximum(c.rowPerBlock.softness, walk, memory + cache), {
      memory,
      cache,
      latency: p.floorSeconds + walk,
    }),
  };
}

export function rowSumTimeSteps(
  ...[work, traffic, device]: Parameters<typeof rowSumTime>
): Traced<ReturnType<typeof rowSumTime>> {
  const steps: Step[] = [];
  const c = device.calibration!;
  note(steps, "c", "$0", c, [["device.calibration", device.calibration, device, "calibration"]]);
  note(steps, "fraction", "$0", c.memory.streamingFraction, [
    ["c.memory.streamingFraction", c.memory.streamingFraction, c.memory, "streamingFraction"],
  ]);
  const { memory, cache } = inside(steps, streamingSecondsSteps(traffic, device, c.memory.streamingFraction));
  const walk = (c.rowSum.secondsPerStep * work.columns) / threadsPerRow(work.rows, work.columns);
  note(steps, "walk", "($0 * $1) / $2", walk, [
    ["c.rowSum.secondsPerStep", c.rowSum.secondsPerStep, c.rowSum, "secondsPerStep"],
    ["work.columns", work.columns, work, "columns"],
    ["threadsPerRow(work.rows, work.columns)", threadsPerRow(work.rows, work.columns)],
  ]);
  const streaming = c.rowSum.memoryFactor * (memory + cache);
  note(steps, "streaming", "$0 * ($1 + $2)", streaming, [
    ["c.rowSum.memoryFactor", c.rowSum.memoryFactor, c.rowSum, "memoryFactor"],
    ["memory", memory],
    ["cache", cache],
  ]);
  note(steps, "latency", "$0 + $1", c.rowSum.floorSeconds + walk, [
    ["c.rowSum.floorSeconds", c.rowSum.floorSeconds, c.rowSum, "floorSeconds"],
    ["walk", walk],
  ]);
  note(
    steps,
    "seconds",
    "$0 + softMaximum($1, $2, $3)",
    c.rowSum.floorSeconds + softMaximum(ROW_SUM_SOFTNESS, walk, streaming),
    [
      ["c.rowSum.floorSeconds", c.rowSum.floorSeconds, c.rowSum, "floorSeconds"],
      ["ROW_SUM_SOFTNESS", ROW_SUM_SOFTNESS],
      ["walk", walk],
      ["streaming", streaming],
    ],
  );
  return {
    steps,
    result: timing(c.rowSum.floorSeconds + softMaximum(ROW_SUM_SOFTNESS, walk, streaming), {
      memory,
      cache,
      latency: c.rowSum.floorSeconds + walk,
    }),
  };
}

export function columnSumTimeSteps(
  ...[work, traffic, device]: Parameters<typeof columnSumTime>
): Traced<ReturnType<typeof columnSumTime>> {
  const steps: Step[] = [];
  const c = device.calibration!;
  note(steps, "c", "$0", c, [["device.calibration", device.calibration, device, "calibration"]]);
  note(steps, "fraction", "$0", c.memory.streamingFraction, [
    ["c.memory.streamingFraction", c.memory.streamingFraction, c.memory, "streamingFraction"],
  ]);
  const { memory, cache } = inside(steps, streamingSecondsSteps(traffic, device, c.memory.streamingFraction));
  const walk = c.columnSum.secondsPerRow * work.rows;
  note(steps, "walk", "$0 * $1", walk, [
    ["c.columnSum.secondsPerRow", c.columnSum.secondsPerRow, c.columnSum, "secondsPerRow"],
    ["work.rows", work.rows, work, "rows"],
  ]);
  note(steps, "latency", "$0 + $1", c.columnSum.floorSeconds + walk, [
    ["c.columnSum.floorSeconds", c.columnSum.floorSeconds, c.columnSum, "floorSeconds"],
    ["walk", walk],
  ]);
  note(
    steps,
    "seconds",
    "$0 + softMaximum($1, $2, $3 + $4)",
    c.columnSum.floorSeconds + softMaximum(ROW_SUM_SOFTNESS, walk, memory + cache),
    [
      ["c.columnSum.floorSeconds", c.columnSum.floorSeconds, c.columnSum, "floorSeconds"],
      ["ROW_SUM_SOFTNESS", ROW_SUM_SOFTNESS],
      ["walk", walk],
      ["memory", memory],
      ["cache", cache],
    ],
  );
  return {
    steps,
    result: timing(c.columnSum.floorSeconds + softMaximum(ROW_SUM_SOFTNESS, walk, memory + cache), {
      memory,
      cache,
      latency: c.columnSum.floorSeconds + walk,
    }),
  };
}

export function matmulTimeSteps(
  ...[kernel, work, traffic, device]: Parameters<typeof matmulTime>
): Traced<ReturnType<typeof matmulTime>> {
  const steps: Step[] = [];
  const c = device.calibration!;
  note(steps, "c", "$0", c, [["device.calibration", device.calibration, device, "calibration"]]);
  const peak = matmulPeak(device.hardware, work.dataType) ?? device.vectorFlopsPerSecond;
  note(steps, "peak", "$0 ?? $1", peak, [
    ["matmulPeak(device.hardware, work.dataType)", matmulPeak(device.hardware, work.dataType)],
    ["device.vectorFlopsPerSecond", device.vectorFlopsPerSecond, device, "vectorFlopsPerSecond"],
  ]);
  const rate = peak * c.matmul.peakFraction * sustainedClock(kernel.flops, c.matmul);
  note(steps, "rate", "$0 * $1 * $2", rate, [
    ["peak", peak],
    ["c.matmul.peakFraction", c.matmul.peakFraction, c.matmul, "peakFraction"],
    ["sustainedClock(kernel.flops, c.matmul)", sustainedClock(kernel.flops, c.matmul)],
  ]);
  const speed = typeSpeed(work.dataType, c.matmul) * (work.grouped ? c.experts.speed : 1);
  note(steps, "speed", "$0 * ($1 ? $2 : 1)", speed, [
    ["typeSpeed(work.dataType, c.matmul)", typeSpeed(work.dataType, c.matmul)],
    ["work.grouped", work.grouped, work, "grouped"],
    ["c.experts.speed", c.experts.speed, c.experts, "speed"],
  ]);
  const padding = work.grouped
    ? groupedPadding(work, device.hardware.computeUnits)
    : tilePadding(work, device.hardware.computeUnits);
  note(steps, "padding", "$0 ? $1 : $2", padding, [
    ["work.grouped", work.grouped, work, "grouped"],
    [
      "groupedPadding(work, device.hardware.computeUnits)",
      groupedPadding(work, device.hardware.computeUnits),
    ],
    ["tilePadding(work, device.hardware.computeUnits)", tilePadding(work, device.hardware.computeUnits)],
  ]);
  const compute = (kernel.flops * padding) / (rate * speed * (work.gradient ? c.matmul.backwardFraction : 1));
  note(steps, "compute", "($0 * $1) / ($2 * $3 * ($4 ? $5 : 1))", compute, [
    ["kernel.flops", kernel.flops, kernel, "flops"],
    ["padding", padding],
    ["rate", rate],
    ["speed", speed],
    ["work.gradient", work.gradient, work, "gradient"],
    ["c.matmul.backwardFraction", c.matmul.backwardFraction, c.matmul, "backwardFraction"],
  ]);
  const memory = traffic.hbmBytes / (device.hbmBytesPerSecond * c.memory.weightFraction);
  note(steps, "memory", "$0 / ($1 * $2)", memory, [
    ["traffic.hbmBytes", traffic.hbmBytes, traffic, "hbmBytes"],
    ["device.hbmBytesPerSecond", device.hbmBytesPerSecond, device, "hbmBytesPerSecond"],
    ["c.memory.weightFraction", c.memory.weightFraction, c.memory, "weightFraction"],
  ]);
  const cache = traffic.l2Bytes / c.cache.bytesPerSecond;
  note(steps, "cache", "$0 / $1", cache, [
    ["traffic.l2Bytes", traffic.l2Bytes, traffic, "l2Bytes"],
    ["c.cache.bytesPerSecond", c.cache.bytesPerSecond, c.cache, "bytesPerSecond"],
  ]);
  const floor = work.grouped ? c.experts.floorSeconds : c.matmul.floorSeconds;
  note(steps, "floor", "$0 ? $1 : $2", floor, [
    ["work.grouped", work.grouped, work, "grouped"],
    ["c.experts.floorSeconds", c.experts.floorSeconds, c.experts, "floorSeconds"],
    ["c.matmul.floorSeconds", c.matmul.floorSeconds, c.matmul, "floorSeconds"],
  ]);
  const latency = floor + c.matmul.secondsPerInner * Math.min(work.k, DEEPEST_INNER);
  note(steps, "latency", "$0 + $1 * Math.min($2, $3)", latency, [
    ["floor", floor],
    ["c.matmul.secondsPerInner", c.matmul.secondsPerInner, c.matmul, "secondsPerInner"],
    ["work.k", work.k, work, "k"],
    ["DEEPEST_INNER", DEEPEST_INNER],
  ]);
  const epilogue = c.matmul.epilogueShare * (memory + cache) * outputShare(kernel);
  note(steps, "epilogue", "$0 * ($1 + $2) * $3", epilogue, [
    ["c.matmul.epilogueShare", c.matmul.epilogueShare, c.matmul, "epilogueShare"],
    ["memory", memory],
    ["cache", cache],
    ["outputShare(kernel)", outputShare(kernel)],
  ]);
  const softness = work.grouped ? c.experts.softness : c.matmul.softness;
  note(steps, "softness", "$0 ? $1 : $2", softness, [
    ["work.grouped", work.grouped, work, "grouped"],
    ["c.experts.softness", c.experts.softness, c.experts, "softness"],
    ["c.matmul.softness", c.matmul.softness, c.matmul, "softness"],
  ]);
  note(
    steps,
    "seconds",
    "$0 + softMaximum($1, $2 + $3, $4 + $5)",
    latency + softMaximum(softness, compute + epilogue, memory + cache),
    [
      ["latency", latency],
      ["softness", softness],
      ["compute", compute],
      ["epilogue", epilogue],
      ["memory", memory],
      ["cache", cache],
    ],
  );
  return {
    steps,
    result: timing(latency + softMaximum(softness, compute + epilogue, memory + cache), {
      compute,
      memory,
      cache,
      latency,
    }),
  };
}

export function attentionTimeSteps(
  ...[kernel, work, traffic, device]: Parameters<typeof attentionTime>
): Traced<ReturnType<typeof attentionTime>> {
  const steps: Step[] = [];
  const c = device.calibration!;
  note(steps, "c", "$0", c, [["device.calibration", device.calibration, device, "calibration"]]);
  const peak = matmulPeak(device.hardware, work.dataType) ?? device.vectorFlopsPerSecond;
  note(steps, "peak", "$0 ?? $1", peak, [
    ["matmulPeak(device.hardware, work.dataType)", matmulPeak(device.hardware, work.dataType)],
    ["device.vectorFlopsPerSecond", device.vectorFlopsPerSecond, device, "vectorFlopsPerSecond"],
  ]);
  const p = work.direction === "forward" ? c.attention : c.attention.backward;
  note(steps, "p", '$0 === "forward" ? $1 : $2', p, [
    ["work.direction", work.direction, work, "direction"],
    ["c.attention", c.attention, c, "attention"],
    ["c.attention.backward", c.attention.backward, c.attention, "backward"],
  ]);
  const width = inside(steps, launchedWidthSteps(work));
  note(steps, "width", "$0", width, [["launchedWidth(work)", width]]);
  const rate = peak * headDimFraction(width, p);
  note(steps, "rate", "$0 * $1", rate, [
    ["peak", peak],
    ["headDimFraction(width, p)", headDimFraction(width, p)],
  ]);
  const padding = width / meanWidth(work);
  note(steps, "padding", "$0 / $1", padding, [
    ["width", width],
    ["meanWidth(work)", meanWidth(work)],
  ]);
  const unevenness = unevenShare(work) * (shortSequenceFactor(comparableQueries(work), p) - 1);
  note(steps, "unevenness", "$0 * ($1 - 1)", unevenness, [
    ["unevenShare(work)", unevenShare(work)],
    ["shortSequenceFactor(comparableQueries(work), p)", shortSequenceFactor(comparableQueries(work), p)],
  ]);
  const alone = (blockFlops(work) * device.hardware.computeUnits) / rate;
  note(steps, "alone", "($0 * $1) / $2", alone, [
    ["blockFlops(work)", blockFlops(work)],
    ["device.hardware.computeUnits", device.hardware.computeUnits, device.hardware, "computeUnits"],
    ["rate", rate],
  ]);
  const compute = Math.max((kernel.flops * padding * (1 + unevenness)) / rate, alone);
  note(steps, "compute", "Math.max(($0 * $1 * (1 + $2)) / $3, $4)", compute, [
    ["kernel.flops", kernel.flops, kernel, "flops"],
    ["padding", padding],
    ["unevenness", unevenness],
    ["rate", rate],
    ["alone", alone],
  ]);
  const memory = traffic.hbmBytes / (device.hbmBytesPerSecond * c.memory.streamingFraction);
  note(steps, "memory", "$0 / ($1 * $2)", memory, [
    ["traffic.hbmBytes", traffic.hbmBytes, traffic, "hbmBytes"],
    ["device.hbmBytesPerSecond", device.hbmBytesPerSecond, device, "hbmBytesPerSecond"],
    ["c.memory.streamingFraction", c.memory.streamingFraction, c.memory, "streamingFraction"],
  ]);
  const cache = traffic.l2Bytes / c.cache.bytesPerSecond;
  note(steps, "cache", "$0 / $1", cache, [
    ["traffic.l2Bytes", traffic.l2Bytes, traffic, "l2Bytes"],
    ["c.cache.bytesPerSecond", c.cache.bytesPerSecond, c.cache, "bytesPerSecond"],
  ]);
  const latency = c.attention.floorSeconds;
  note(steps, "latency", "$0", latency, [
    ["c.attention.floorSeconds", c.attention.floorSeconds, c.attention, "floorSeconds"],
  ]);
  note(steps, "seconds", "$0 + Math.max($1, $2 + $3)", latency + Math.max(compute, memory + cache), [
    ["latency", latency],
    ["compute", compute],
    ["memory", memory],
    ["cache", cache],
  ]);
  return {
    steps,
    result: timing(latency + Math.max(compute, memory + cache), { compute, memory, cache, latency }),
  };
}

export function decodeAttentionTimeSteps(
  ...[kernel, work, traffic, device]: Parameters<typeof decodeAttentionTime>
): Traced<ReturnType<typeof decodeAttentionTime>> {
  const steps: Step[] = [];
  const c = device.calibration!;
  note(steps, "c", "$0", c, [["device.calibration", device.calibration, device, "calibration"]]);
  const peak = matmulPeak(device.hardware, work.dataType) ?? device.vectorFlopsPerSecond;
  note(steps, "peak", "$0 ?? $1", peak, [
    ["matmulPeak(device.hardware, work.dataType)", matmulPeak(device.hardware, work.dataType)],
    ["device.vectorFlopsPerSecond", device.vectorFlopsPerSecond, device, "vectorFlopsPerSecond"],
  ]);
  const padding = inside(steps, decodePaddingSteps(work));
  note(steps, "padding", "$0", padding, [["decodePadding(work)", padding]]);
  note(steps, "p", "$0", c.attention, [["c.attention", c.attention, c, "attention"]]);
  const fraction = inside(steps, decodeFractionSteps(work, c.attention));
  note(steps, "fraction", "$0", fraction, [["decodeFraction(work, c.attention)", fraction]]);
  const compute = (kernel.flops * padding) / (peak * fraction);
  note(steps, "compute", "($0 * $1) / ($2 * $3)", compute, [
    ["kernel.flops", kernel.flops, kernel, "flops"],
    ["padding", padding],
    ["peak", peak],
    ["fraction", fraction],
  ]);
  const memory = traffic.hbmBytes / (device.hbmBytesPerSecond * c.memory.kvCacheFraction);
  note(steps, "memory", "$0 / ($1 * $2)", memory, [
    ["traffic.hbmBytes", traffic.hbmBytes, traffic, "hbmBytes"],
    ["device.hbmBytesPerSecond", device.hbmBytesPerSecond, device, "hbmBytesPerSecond"],
    ["c.memory.kvCacheFraction", c.memory.kvCacheFraction, c.memory, "kvCacheFraction"],
  ]);
  const cache = traffic.l2Bytes / c.cache.bytesPerSecond;
  note(steps, "cache", "$0 / $1", cache, [
    ["traffic.l2Bytes", traffic.l2Bytes, traffic, "l2Bytes"],
    ["c.cache.bytesPerSecond", c.cache.bytesPerSecond, c.cache, "bytesPerSecond"],
  ]);
  const latency = c.attention.decodeFloorSeconds;
  note(steps, "latency", "$0", latency, [
    ["c.attention.decodeFloorSeconds", c.attention.decodeFloorSeconds, c.attention, "decodeFloorSeconds"],
  ]);
  note(steps, "seconds", "$0 + softMaximum4($1, $2 + $3)", latency + softMaximum4(compute, memory + cache), [
    ["latency", latency],
    ["compute", compute],
    ["memory", memory],
    ["cache", cache],
  ]);
  return {
    steps,
    result: timing(latency + softMaximum4(compute, memory + cache), {
      compute,
      memory,
      cache,
      latency,
    }),
  };
}

export function collectiveTimeSteps(
  ...[work, traffic, device]: Parameters<typeof collectiveTime>
): Traced<ReturnType<typeof collectiveTime>> {
  const steps: Step[] = [];
  const c = device.calibration!;
  note(steps, "c", "$0", c, [["device.calibration", device.calibration, device, "calibration"]]);
  note(steps, "fraction", "$0", c.memory.streamingFraction, [
    ["c.memory.streamingFraction", c.memory.streamingFraction, c.memory, "streamingFraction"],
  ]);
  const { memory, cache } = inside(steps, streamingSecondsSteps(traffic, device, c.memory.streamingFraction));
  const p = c.network;
  note(steps, "p", "$0", p, [["c.network", c.network, c, "network"]]);
  const more = p.secondsPerRank * (work.ranks - 2);
  note(steps, "more", "$0 * ($1 - 2)", more, [
    ["p.secondsPerRank", p.secondsPerRank, p, "secondsPerRank"],
    ["work.ranks", work.ranks, work, "ranks"],
  ]);
  const wire = wireBytes(work);
  note(steps, "wire", "$0", wire, [["wireBytes(work)", wireBytes(work)]]);
  const quick = p.latencySeconds + wire / (device.linkBytesPerSecond * p.lowLatencyFraction);
  note(steps, "quick", "$0 + $1 / ($2 * $3)", quick, [
    ["p.latencySeconds", p.latencySeconds, p, "latencySeconds"],
    ["wire", wire],
    ["device.linkBytesPerSecond", device.linkBytesPerSecond, device, "linkBytesPerSecond"],
    ["p.lowLatencyFraction", p.lowLatencyFraction, p, "lowLatencyFraction"],
  ]);
  const bulk = p.bulkLatencySeconds + wire / (device.linkBytesPerSecond * bulkFraction(work, p));
  note(steps, "bulk", "$0 + $1 / ($2 * $3)", bulk, [
    ["p.bulkLatencySeconds", p.bulkLatencySeconds, p, "bulkLatencySeconds"],
    ["wire", wire],
    ["device.linkBytesPerSecond", device.linkBytesPerSecond, device, "linkBytesPerSecond"],
    ["bulkFraction(work, p)", bulkFraction(work, p)],
  ]);
  const latency = more + (quick < bulk ? p.latencySeconds : p.bulkLatencySeconds);
  note(steps, "latency", "$0 + ($1 < $2 ? $3 : $4)", latency, [
    ["more", more],
    ["quick", quick],
    ["bulk", bulk],
    ["p.latencySeconds", p.latencySeconds, p, "latencySeconds"],
    ["p.bulkLatencySeconds", p.bulkLatencySeconds, p, "bulkLatencySeconds"],
  ]);
  const network = more + Math.min(quick, bulk) - latency;
  note(steps, "network", "$0 + Math.min($1, $2) - $3", network, [
    ["more", more],
    ["quick", quick],
    ["bulk", bulk],
    ["latency", latency],
  ]);
  note(steps, "network", "$0 + $1", latency + network, [
    ["latency", latency],
    ["network", network],
  ]);
  note(steps, "seconds", "$0 + Math.max($1, $2 + $3)", latency + Math.max(network, memory + cache), [
    ["latency", latency],
    ["network", network],
    ["memory", memory],
    ["cache", cache],
  ]);
  return {
    steps,
    result: timing(latency + Math.max(network, memory + cache), {
      memory,
      cache,
      network: latency + network,
    }),
  };
}

export function idealTimingSteps(
  ...[kernel, device]: Parameters<typeof idealTiming>
): Traced<ReturnType<typeof idealTiming>> {
  const steps: Step[] = [];
  const compute = kernel.flops / peakOf(kernel, device);
  note(steps, "compute", "$0 / $1", compute, [
    ["kernel.flops", kernel.flops, kernel, "flops"],
    ["peakOf(kernel, device)", peakOf(kernel, device)],
  ]);
  const memory = (readBytes(kernel) + writeBytes(kernel)) / device.hbmBytesPerSecond;
  note(steps, "memory", "($0 + $1) / $2", memory, [
    ["readBytes(kernel)", readBytes(kernel)],
    ["writeBytes(kernel)", writeBytes(kernel)],
    ["device.hbmBytesPerSecond", device.hbmBytesPerSecond, device, "hbmBytesPerSecond"],
  ]);
  const network = inside(steps, networkSecondsSteps(kernel, device));
  note(steps, "network", "$0", network, [["networkSeconds(kernel, device)", network]]);
  note(steps, "seconds", "Math.max($0, $1, $2)", Math.max(compute, memory, network), [
    ["compute", compute],
    ["memory", memory],
    ["network", network],
  ]);
  return { steps, result: timing(Math.max(compute, memory, network), { compute, memory, network }) };
}

function streamingSecondsSteps(
  ...[traffic, device, fraction]: Parameters<typeof streamingSeconds>
): Traced<ReturnType<typeof streamingSeconds>> {
  const steps: Step[] = [];
  note(steps, "memory", "$0 / ($1 * $2)", traffic.hbmBytes / (device.hbmBytesPerSecond * fraction), [
    ["traffic.hbmBytes", traffic.hbmBytes, traffic, "hbmBytes"],
    ["device.hbmBytesPerSecond", device.hbmBytesPerSecond, device, "hbmBytesPerSecond"],
    ["fraction", fraction],
  ]);
  note(steps, "cache", "$0 / $1", traffic.l2Bytes / device.calibration!.cache.bytesPerSecond, [
    ["traffic.l2Bytes", traffic.l2Bytes, traffic, "l2Bytes"],
    [
      "device.calibration.cache.bytesPerSecond",
      device.calibration!.cache.bytesPerSecond,
      device.calibration!.cache,
      "bytesPerSecond",
    ],
  ]);
  return {
    steps,
    result: {
      memory: traffic.hbmBytes / (device.hbmBytesPerSecond * fraction),
      cache: traffic.l2Bytes / device.calibration!.cache.bytesPerSecond,
    },
  };
}

function rereadBytesSteps(
  ...[work, device]: Parameters<typeof rereadBytes>
): Traced<ReturnType<typeof rereadBytes>> {
  const steps: Step[] = [];
  if (work.kind !== "row-per-block" || device.calibration === undefined) {
    note(steps, "rereadBytes", "0", 0, []);
    return { steps, result: 0 };
  }
  const p = device.calibration.rowPerBlock;
  note(steps, "p", "$0", p, [
    ["device.calibration.rowPerBlock", device.calibration.rowPerBlock, device.calibration, "rowPerBlock"],
  ]);
  const rowsInFlight = Math.min(work.rows, device.hardware.computeUnits * p.blocksPerUnit);
  note(steps, "rowsInFlight", "Math.min($0, $1 * $2)", rowsInFlight, [
    ["work.rows", work.rows, work, "rows"],
    ["device.hardware.computeUnits", device.hardware.computeUnits, device.hardware, "computeUnits"],
    ["p.blocksPerUnit", p.blocksPerUnit, p, "blocksPerUnit"],
  ]);
  const bytesInFlight = rowsInFlight * work.rowBytes;
  note(steps, "bytesInFlight", "$0 * $1", bytesInFlight, [
    ["rowsInFlight", rowsInFlight],
    ["work.rowBytes", work.rowBytes, work, "rowBytes"],
  ]);
  const missing = 1 / (1 + power(p.rereadFlightBytes / bytesInFlight, REREAD_SHARPNESS));
  note(steps, "missing", "1 / (1 + power($0 / $1, $2))", missing, [
    ["p.rereadFlightBytes", p.rereadFlightBytes, p, "rereadFlightBytes"],
    ["bytesInFlight", bytesInFlight],
    ["REREAD_SHARPNESS", REREAD_SHARPNESS],
  ]);
  const totalBytes = work.rows * work.rowBytes;
  note(steps, "totalBytes", "$0 * $1", totalBytes, [
    ["work.rows", work.rows, work, "rows"],
    ["work.rowBytes", work.rowBytes, work, "rowBytes"],
  ]);
  const furtherWaves = Math.min(1, totalBytes / bytesInFlight - 1);
  note(steps, "furtherWaves", "Math.min(1, $0 / $1 - 1)", furtherWaves, [
    ["totalBytes", totalBytes],
    ["bytesInFlight", bytesInFlight],
  ]);
  const kept = Math.max(0, p.rereadResidentBytes - bytesInFlight) * (1 + LATER_WAVES_KEEP * furtherWaves);
  note(steps, "kept", "Math.max(0, $0 - $1) * (1 + $2 * $3)", kept, [
    ["p.rereadResidentBytes", p.rereadResidentBytes, p, "rereadResidentBytes"],
    ["bytesInFlight", bytesInFlight],
    ["LATER_WAVES_KEEP", LATER_WAVES_KEEP],
    ["furtherWaves", furtherWaves],
  ]);
  note(steps, "rereadBytes", "$0 * Math.max(0, $1 - $2)", missing * Math.max(0, totalBytes - kept), [
    ["missing", missing],
    ["totalBytes", totalBytes],
    ["kept", kept],
  ]);
  return { steps, result: missing * Math.max(0, totalBytes - kept) };
}

function launchedWidthSteps(
  ...[work]: Parameters<typeof launchedWidth>
): Traced<ReturnType<typeof launchedWidth>> {
  const steps: Step[] = [];
  note(steps, "launchedWidth", "($0 + $1) / 2", (paddedWidth(work.keyDim) + paddedWidth(work.valueDim)) / 2, [
    ["paddedWidth(work.keyDim)", paddedWidth(work.keyDim)],
    ["paddedWidth(work.valueDim)", paddedWidth(work.valueDim)],
  ]);
  return { steps, result: (paddedWidth(work.keyDim) + paddedWidth(work.valueDim)) / 2 };
}

function decodePaddingSteps(
  ...[work]: Parameters<typeof decodePadding>
): Traced<ReturnType<typeof decodePadding>> {
  const steps: Step[] = [];
  const { groupSize } = work;
  const rows = hasTensorCores(work) ? DECODE_ROWS * Math.ceil(groupSize / DECODE_ROWS) : groupSize;
  note(steps, "rows", "$0 ? $1 * Math.ceil($2 / $1) : $2", rows, [
    ["hasTensorCores(work)", hasTensorCores(work)],
    ["DECODE_ROWS", DECODE_ROWS],
    ["groupSize", groupSize],
  ]);
  note(
    steps,
    "decodePadding",
    "(($0 / $1) * $2) / $3",
    ((rows / groupSize) * decodeWidth(work)) / meanWidth(work),
    [
      ["rows", rows],
      ["groupSize", groupSize],
      ["decodeWidth(work)", decodeWidth(work)],
      ["meanWidth(work)", meanWidth(work)],
    ],
  );
  return { steps, result: ((rows / groupSize) * decodeWidth(work)) / meanWidth(work) };
}

function decodeFractionSteps(
  ...[work, p]: Parameters<typeof decodeFraction>
): Traced<ReturnType<typeof decodeFraction>> {
  const steps: Step[] = [];
  const width = inside(steps, decodeWidthSteps(work));
  note(steps, "width", "$0", width, [["decodeWidth(work)", width]]);
  if (width > WIDEST_DECODE || !hasTensorCores(work)) {
    note(steps, "decodeFraction", "$0", headDimFraction(width, p), [
      ["headDimFraction(width, p)", headDimFraction(width, p)],
    ]);
    return { steps, result: headDimFraction(width, p) };
  }
  note(
    steps,
    "decodeFraction",
    "$0 === $1 ? $2 : $3",
    width === WIDEST_DECODE ? WIDE_DECODE_FRACTION : NARROW_DECODE_FRACTION,
    [
      ["width", width],
      ["WIDEST_DECODE", WIDEST_DECODE],
      ["WIDE_DECODE_FRACTION", WIDE_DECODE_FRACTION],
      ["NARROW_DECODE_FRACTION", NARROW_DECODE_FRACTION],
    ],
  );
  return { steps, result: width === WIDEST_DECODE ? WIDE_DECODE_FRACTION : NARROW_DECODE_FRACTION };
}

function networkSecondsSteps(
  ...[{ work }, device]: Parameters<typeof networkSeconds>
): Traced<ReturnType<typeof networkSeconds>> {
  const steps: Step[] = [];
  if (work.kind !== "collective") {
    note(steps, "networkSeconds", "0", 0, []);
    return { steps, result: 0 };
  }
  note(steps, "networkSeconds", "$0 / $1", wireBytes(work) / device.linkBytesPerSecond, [
    ["wireBytes(work)", wireBytes(work)],
    ["device.linkBytesPerSecond", device.linkBytesPerSecond, device, "linkBytesPerSecond"],
  ]);
  return { steps, result: wireBytes(work) / device.linkBytesPerSecond };
}

function decodeWidthSteps(...[work]: Parameters<typeof decodeWidth>): Traced<ReturnType<typeof decodeWidth>> {
  const steps: Step[] = [];
  const width = inside(steps, launchedWidthSteps(work));
  note(steps, "width", "$0", width, [["launchedWidth(work)", width]]);
  note(
    steps,
    "decodeWidth",
    "$0 > 128 ? Math.max($0, $1) : $0",
    width > 128 ? Math.max(width, WIDEST_DECODE) : width,
    [
      ["width", width],
      ["WIDEST_DECODE", WIDEST_DECODE],
    ],
  );
  return { steps, result: width > 128 ? Math.max(width, WIDEST_DECODE) : width };
}
