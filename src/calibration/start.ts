import type { Calibration, Parameter } from "../schema/calibration.ts";
import { frameworkRatio } from "../schema/framework-ratio.ts";

/** The device that the starting values describe. */
export const START_DEVICE = { computeUnits: 132, maxClockHz: 1.98e9, l2Bytes: 52_428_800, bf16: 989.4e12 };

const assumed = (value: number): Parameter => ({
  value,
  origin: "assumed",
  source: "starting value for a Hopper-class GPU before any fit",
});

const perBlock = (floor: number, row: number, block: number, column: number) => ({
  floorSeconds: assumed(floor),
  rowSecondsPerColumn: assumed(row),
  blockSeconds: assumed(block),
  blockSecondsPerColumn: assumed(column),
});

const inRegisters = (floor: number, row: number, element: number) => ({
  floorSeconds: assumed(floor),
  rowSecondsPerColumn: assumed(row),
  secondsPerElement: assumed(element),
});

/**
 * Where every fit starts, and what it keeps where the measurements say nothing. Rounded values for a Hopper-class
 * GPU; fitting H100 and H200 from here changes most of them by less than a factor of two.
 */
export const START_CALIBRATION: Calibration = {
  launch: {
    gapSeconds: assumed(0.3e-6),
    streamGapSeconds: assumed(1.7e-6),
    graphStartSeconds: assumed(9e-6),
    profiledSeconds: frameworkRatio(4e-7),
  },
  host: {
    secondsPerKernel: assumed(20e-6),
    backwardSecondsPerKernel: assumed(25e-6),
    stepSeconds: assumed(100e-6),
  },
  memory: {
    streamingFraction: assumed(0.88),
    rowPerBlockFraction: assumed(0.85),
    weightFraction: assumed(0.88),
    kvCacheFraction: assumed(0.93),
  },
  cache: {
    residentBytes: assumed(25e6),
    transitionBytes: assumed(20e6),
    bytesPerSecond: assumed(5e12),
  },
  matmul: {
    floorSeconds: assumed(3e-6),
    secondsPerInner: assumed(0.7e-9),
    peakFraction: assumed(0.88),
    sustainedLoss: assumed(0.2),
    sustainedFlops: assumed(1.2e11),
    sustainedExponent: assumed(0.7),
    backwardFraction: assumed(0.97),
    epilogueShare: assumed(0.5),
    softness: assumed(6),
    misalignedSpeed: frameworkRatio(0.15),
    fp8Speed: assumed(0.9),
    int8Speed: assumed(0.65),
  },
  experts: {
    floorSeconds: assumed(15e-6),
    speed: assumed(0.9),
    softness: assumed(2),
    selectionFloorSeconds: assumed(9e-6),
    topKSecondsPerElement: assumed(50e-12),
    sortSecondsPerElement: assumed(1e-9),
  },
  quantization: { floorSeconds: assumed(1e-6), rowSecondsPerColumn: assumed(0.1e-9) },
  attention: {
    floorSeconds: assumed(6e-6),
    fractionHeadDim64: assumed(0.5),
    fractionHeadDim128: assumed(0.62),
    fractionHeadDim256: assumed(0.62),
    blockSeconds: assumed(1.5e-6),
    tailShare: assumed(0.5),
    causalSpeed: assumed(0.87),
    flashSpeed: assumed(0.5),
    tritonSpeed: assumed(0.5),
    maskedSpeed: frameworkRatio(0.6),
    backward: {
      fractionHeadDim64: assumed(0.5),
      fractionHeadDim128: assumed(0.58),
      fractionHeadDim256: assumed(0.45),
      shortSequenceTokens: assumed(500),
      shortSequenceExponent: assumed(0.9),
      maskedSpeed: frameworkRatio(0.6),
    },
    decodeFloorSeconds: assumed(5e-6),
    decodeBlockSeconds: assumed(1e-6),
    decodeRampSeconds: assumed(4e-6),
    decodeFraction: assumed(0.3),
    decodeWideFraction: assumed(0.1),
    flashDecodeSeconds: assumed(1.3e-6),
  },
  pointwise: {
    vectorizedFloorSeconds: assumed(1e-6),
    stridedFloorSeconds: assumed(2e-6),
    siluSecondsPerElement: assumed(1e-12),
    geluSecondsPerElement: assumed(2e-12),
    unrolledSecondsPerElement: assumed(2.2e-12),
    stridedSecondsPerElement: assumed(2.5e-12),
    transposedSecondsPerElement: assumed(2.8e-12),
    concatenateSecondsPerElement: assumed(4.1e-12),
    permutedIssueFactor: frameworkRatio(1.42),
    cacheConcatenationIssueFactor: frameworkRatio(1.62),
    manyTensorsMemoryFactor: frameworkRatio(1.45),
    softness: assumed(3),
  },
  rowSum: {
    floorSeconds: assumed(1e-6),
    secondsPerStep: assumed(45e-9),
    memoryFactor: assumed(1.2),
  },
  softmax: {
    persistentSecondsPerElement: assumed(1.2e-12),
    persistentRowSecondsPerColumn: assumed(2.6e-9),
    secondsPerElement: assumed(2.7e-12),
    rowSecondsPerColumn: assumed(0.22e-9),
  },
  columnSum: { floorSeconds: assumed(1.5e-6), secondsPerRow: assumed(3.1e-9) },
  network: {
    latencySeconds: assumed(9e-6),
    lowLatencyFraction: assumed(0.25),
    bulkLatencySeconds: assumed(24e-6),
    linkFraction: assumed(0.62),
    moreRanksFactor: assumed(1.3),
    secondsPerRank: assumed(1.5e-6),
    oneShotSeconds: assumed(4.2e-6),
    oneShotSecondsPerRank: assumed(0.1e-6),
    oneShotFraction: assumed(0.4),
  },
  rowPerBlock: {
    layernorm: perBlock(1.6e-6, 1.5e-9, 1.4e-9, 0.4e-12),
    rmsnorm: perBlock(1.1e-6, 1.1e-9, 0.5e-9, 0.3e-12),
    backward: perBlock(1e-6, 0.4e-9, 0.5e-9, 0.5e-12),
    softness: assumed(1.5),
    blocksPerUnit: assumed(16),
    rereadResidentBytes: assumed(53e6),
    rereadFlightBytes: assumed(22e6),
  },
  rowInRegisters: {
    layernorm: inRegisters(1.3e-6, 0.06e-9, 0.6e-12),
    rmsnorm: inRegisters(1.1e-6, 0.05e-9, 0.4e-12),
    inputSeconds: assumed(0.3e-6),
    softness: assumed(3),
    cacheFactor: assumed(1.2),
    backward: {
      floorSeconds: assumed(3e-6),
      rowSeconds: assumed(0.5e-6),
      rowSecondsPerColumn: assumed(0.2e-9),
    },
  },
};
