import * as z from "zod";
import { quantity, text } from "./fields.ts";
import { frameworkRatio } from "./framework-ratio.ts";

const LARGEST = 1e30;

/**
 * What a device really reaches, kernel kind by kernel kind. The laws that use these parameters are in engine/device/,
 * one file a kind; a parameter's meaning is its description here.
 */
const parameter = (description: string, value = z.number().min(0).max(LARGEST)) =>
  z
    .strictObject({
      value,
      origin: z
        .enum(["measured", "published", "transferred", "assumed"])
        .describe(
          "measured: fitted on measurements of this device; published: from figures others published for it; transferred: from another device; assumed: neither",
        ),
      source: text.describe("Which measurement, which publication, or which device and how transferred"),
    })
    .describe(description);

/** Of a law that has grown: profiles that are older than the parameter are read with the value that leaves it out. */
const added = (known: ReturnType<typeof parameter>, value: number) =>
  known.default({ value, origin: "assumed", source: "left out: the profile is older than this parameter" });

/** Of a peak. Times are divided by it, and shares of neighbouring head dimensions are interpolated. */
const share = (description: string) => parameter(description, z.number().min(1e-6).max(10));

/** Of a kernel that only frameworks launch. */
const framework = (known: ReturnType<typeof parameter>, value: number) =>
  known.default(frameworkRatio(value));

const exponent = (description: string) => parameter(description, z.number().min(0).max(30));

/** Of a soft maximum: at 1 the terms add up, below that they would take longer than one after the other. */
const softness = (description: string) => parameter(description, z.number().min(1).max(LARGEST));

const rowPerBlock = (norm: string) =>
  z
    .strictObject({
      floorSeconds: parameter(`${norm}: time of one row of one element`),
      rowSecondsPerColumn: parameter(`${norm}: time a block needs to walk its row, per column`),
      blockSeconds: parameter(`${norm}: issue time per row when all processors are busy`),
      blockSecondsPerColumn: parameter(`${norm}: the same, per row and column`),
    })
    .describe(norm);

const rowInRegisters = (norm: string) =>
  z
    .strictObject({
      floorSeconds: parameter(`${norm}: time of one row of one element`),
      rowSecondsPerColumn: parameter(
        `${norm}: time to load and reduce a row, per column (rounded up to a power of two) and tensor that is read`,
      ),
      secondsPerElement: added(
        parameter(
          `${norm}: issue time per element of rows rounded up to a power of two, when all processors are busy`,
        ),
        0,
      ),
    })
    .describe(norm);

export const CalibrationSchema = z.strictObject({
  launch: z
    .strictObject({
      gapSeconds: parameter("Time between the end of a kernel and the start of the next in a graph"),
      streamGapSeconds: parameter(
        "The same between kernels that the host launches one by one, when it is ahead of the device",
      ),
      graphStartSeconds: parameter("Time from launching a graph to the start of its first kernel"),
      profiledSeconds: framework(
        parameter(
          "What a profiler's duration of a kernel holds beyond the kernel's time in a chain: its start and its end",
        ),
        4e-7,
      ),
    })
    .describe("Starting kernels on the device"),
  host: z
    .strictObject({
      secondsPerKernel: parameter("Eager runtime, forward: host time to issue one kernel"),
      backwardSecondsPerKernel: parameter("Eager runtime, backward: host time to issue one kernel"),
      stepSeconds: parameter(
        "Eager runtime, training: time per step in which the device waits for its first kernel",
      ),
    })
    .describe("The host of the eager runtime, as measured"),
  memory: z
    .strictObject({
      streamingFraction: share("Achieved share of the peak bandwidth: element-wise kernels and fused norms"),
      rowPerBlockFraction: share("Achieved share of the peak bandwidth: one block a row"),
      weightFraction: share("Achieved share of the peak bandwidth: matmuls that stream weights"),
      kvCacheFraction: share("Achieved share of the peak bandwidth: decode attention"),
    })
    .describe("Achieved bandwidth by kind of kernel"),
  cache: z
    .strictObject({
      residentBytes: parameter("Reuse distance up to which data is still in the L2"),
      transitionBytes: parameter("Width of the transition from all in the L2 to nothing"),
      bytesPerSecond: parameter("Achieved L2 bandwidth", quantity),
    })
    .describe("The L2"),
  matmul: z
    .strictObject({
      floorSeconds: parameter("Time of the smallest matmul"),
      secondsPerInner: parameter("Pipeline fill per element of the inner dimension (at most 4096)"),
      peakFraction: share("Achieved share of the tensor peak before the clock falls"),
      sustainedLoss: parameter(
        "Share of the clock that long matmuls lose to the power limit",
        z.number().min(0).lt(1),
      ),
      sustainedFlops: parameter("FLOPs of the matmul at which half of that is lost"),
      sustainedExponent: exponent("Sharpness of that fall, on log FLOPs"),
      backwardFraction: share("Speed of a gradient matmul relative to a forward one"),
      epilogueShare: parameter("Share of the output's write time that the next tile's products do not hide"),
      softness: softness("Exponent of the soft maximum of compute and memory"),
      misalignedSpeed: framework(
        share("Rows that do not start at 16 bytes: speed over that of aligned ones"),
        0.15,
      ),
      fp8Speed: share("fp8 (and fp4): share of its peak over the share that bf16 reaches of its own"),
      int8Speed: share("int8: share of its peak over the share that bf16 reaches of its own"),
    })
    .describe("Matrix products"),
  experts: z
    .strictObject({
      floorSeconds: parameter("Grouped matmul: time of the smallest"),
      speed: share("Grouped matmul: share of the tensor peak over that of a single matmul"),
      softness: softness("Grouped matmul: exponent of the soft maximum of compute and memory"),
      selectionFloorSeconds: parameter("Choosing experts op by op: the smallest top-k or sort"),
      topKSecondsPerElement: parameter("Issue time per score: top-k"),
      sortSecondsPerElement: parameter("Issue time per chosen expert: sort"),
    })
    .describe("Mixture of experts"),
  quantization: z
    .strictObject({
      floorSeconds: parameter("Time of one row of one element"),
      rowSecondsPerColumn: parameter(
        "Time to find a row's largest value, per column (rounded up to a power of two)",
      ),
    })
    .describe("Quantizing rows for narrow matmuls"),
  attention: z
    .strictObject({
      floorSeconds: parameter("Prefill: time of the smallest attention"),
      fractionHeadDim64: share("Prefill: share of the tensor peak at head dimension 64"),
      fractionHeadDim128: share("Prefill: share of the tensor peak at head dimension 128"),
      fractionHeadDim256: share("Prefill: share of the tensor peak at head dimension 256"),
      blockSeconds: added(parameter("Prefill: time a block of queries takes to start and to end"), 0),
      tailShare: added(
        parameter("Prefill: share of the longest block's time in which the last ones leave processors idle"),
        0.5,
      ),
      causalSpeed: added(
        share("Prefill: speed under a causal mask beside that without one, pair for pair"),
        1,
      ),
      flashSpeed: added(share("FlashAttention 2: speed beside the library that the shares above are of"), 1),
      tritonSpeed: added(share("Triton: speed beside the library that the shares above are of"), 1),
      shortSequenceTokens: parameter("Not used since version 0.2: older profiles name it").optional(),
      shortSequenceExponent: parameter("Not used since version 0.2: older profiles name it").optional(),
      maskedSpeed: framework(
        share("With a mask that is read: speed over that of all pairs without one"),
        0.6,
      ),
      backward: z
        .strictObject({
          fractionHeadDim64: share("Share of the tensor peak at head dimension 64, long sequences"),
          fractionHeadDim128: share("Share of the tensor peak at head dimension 128, long sequences"),
          fractionHeadDim256: share("Share of the tensor peak at head dimension 256, long sequences"),
          shortSequenceTokens: parameter("Sequence length at which the efficiency is halved"),
          shortSequenceExponent: exponent("How fast the efficiency grows with the sequence"),
          maskedSpeed: framework(
            share("With a mask that is read: speed over that of all pairs without one"),
            0.6,
          ),
        })
        .describe("Backward pass"),
      decodeFloorSeconds: parameter("Decode: time of the smallest attention"),
      decodeBlockSeconds: added(parameter("Decode: time a block takes to start and to end"), 0),
      decodeRampSeconds: added(parameter("Decode: time until the memory runs at full rate"), 0),
      decodeFraction: added(share("Decode: share of the tensor peak of heads up to 128"), 0.16),
      decodeWideFraction: added(share("Decode: share of the tensor peak of heads of 129 to 256"), 0.064),
      flashDecodeSeconds: added(parameter("Decode: what FlashAttention 2 adds to the smallest"), 0),
    })
    .describe("Attention kernels"),
  pointwise: z
    .strictObject({
      vectorizedFloorSeconds: parameter("Smallest vectorized kernel"),
      stridedFloorSeconds: parameter("Smallest kernel that is not vectorized"),
      siluSecondsPerElement: parameter("Issue time per element: vectorized SiLU"),
      geluSecondsPerElement: parameter("Issue time per element: vectorized GELU"),
      unrolledSecondsPerElement: parameter("Issue time per element: casts and broadcasts of whole rows"),
      stridedSecondsPerElement: parameter("Issue time per element: broadcast or chunked operands"),
      transposedSecondsPerElement: parameter("Issue time per element: transposed operands"),
      concatenateSecondsPerElement: parameter("Issue time per output element: concatenation"),
      permutedIssueFactor: framework(
        parameter(
          "Operands whose heads lie apart beside ones whose heads lie together: issue time over that of transposed ones",
        ),
        1.42,
      ),
      cacheConcatenationIssueFactor: framework(
        parameter(
          "A whole cache copied behind a token into a longer one: issue time over that of joining halves",
        ),
        1.62,
      ),
      manyTensorsMemoryFactor: framework(
        parameter(
          "One kernel over many tensors, such as an optimizer's: memory time over that of a streaming kernel",
        ),
        1.45,
      ),
      softness: softness("Exponent of the soft maximum of issue and memory"),
    })
    .describe("Element-wise kernels"),
  rowSum: z
    .strictObject({
      floorSeconds: parameter("Smallest row sum"),
      secondsPerStep: parameter("Time of one step of a thread along its row"),
      memoryFactor: parameter("Memory time over that of a streaming kernel"),
    })
    .describe("torch's generic reductions along rows"),
  softmax: z
    .strictObject({
      persistentSecondsPerElement: parameter("Issue time per score, rows of at most 2048: one warp a row"),
      persistentRowSecondsPerColumn: parameter("Time a warp needs to walk its row, per column"),
      secondsPerElement: parameter("Issue time per score, longer rows: one block a row"),
      rowSecondsPerColumn: parameter("Time a block needs to walk its row, per column"),
    })
    .describe("Softmax kernels"),
  columnSum: z
    .strictObject({
      floorSeconds: parameter("Smallest column sum"),
      secondsPerRow: parameter("Time per row that the blocks walk one after the other"),
    })
    .describe("Sums over rows: weight and bias gradients"),
  network: z
    .strictObject({
      latencySeconds: parameter("Low-latency protocol: the smallest collective of two ranks"),
      lowLatencyFraction: share("Low-latency protocol: achieved share of the peak link rate"),
      bulkLatencySeconds: parameter("Bulk protocol: time to start between two ranks"),
      linkFraction: share("Bulk protocol: achieved share of the peak link rate between two ranks"),
      moreRanksFactor: parameter("Bulk protocol: rate of very many ranks over that of two"),
      secondsPerRank: parameter("Either protocol: time to start an all-reduce, for each rank more than two"),
      oneShotSeconds: added(parameter("One-shot all-reduce: time of the smallest between two GPUs"), 4.2e-6),
      oneShotSecondsPerRank: added(
        parameter("One-shot all-reduce: time for each rank more than two"),
        0.1e-6,
      ),
      oneShotFraction: added(share("One-shot all-reduce: achieved share of the link"), 0.4),
    })
    .describe("Exchanges between GPUs"),
  rowPerBlock: z
    .strictObject({
      layernorm: rowPerBlock("LayerNorm"),
      rmsnorm: rowPerBlock("RMSNorm"),
      backward: z
        .strictObject({
          floorSeconds: parameter("Input gradient: time of one row of one element"),
          rowSecondsPerColumn: parameter("Input gradient: time a block needs to walk its row, per column"),
          blockSeconds: parameter("Input gradient: issue time per row when all processors are busy"),
          blockSecondsPerColumn: parameter("Input gradient: the same, per row and column"),
        })
        .describe("Input gradient of either norm"),
      softness: softness("Exponent of the soft maximum of latency, issue and memory"),
      blocksPerUnit: parameter("Rows in flight per streaming multiprocessor"),
      rereadResidentBytes: parameter("L2 that rows in flight and rows waiting for their second read share"),
      rereadFlightBytes: parameter("Bytes in flight at which half of the second reads miss the L2"),
    })
    .describe("torch's native norms: one thread block a row"),
  rowInRegisters: z
    .strictObject({
      layernorm: rowInRegisters("Fused LayerNorm"),
      rmsnorm: rowInRegisters("Fused RMSNorm"),
      inputSeconds: added(
        parameter("Time that each further tensor takes that is read, such as a residual add's"),
        0,
      ),
      softness: added(softness("How sharply issue and memory take over from each other"), 3),
      cacheFactor: parameter("L2 time over that of a streaming kernel: each row waits for its own data"),
      backward: z
        .strictObject({
          floorSeconds: parameter("Input gradient and partial sums: time of the smallest kernel"),
          rowSeconds: parameter("The same: time of one row after the other in a block, however short"),
          rowSecondsPerColumn: parameter("The same, per column of the row padded to a power of two"),
        })
        .describe("Backward pass of either norm: few blocks that walk many rows and keep partial sums"),
    })
    .describe("Fused norms: a row kept in registers"),
});

export type Calibration = z.infer<typeof CalibrationSchema>;
export type Parameter = Calibration["launch"]["gapSeconds"];

/** The same tree with plain numbers in place of documented parameters. */
type Values<T> = T extends Parameter ? number : { readonly [K in keyof T]: Values<T[K]> };
export type CalibrationValues = Values<Calibration>;
