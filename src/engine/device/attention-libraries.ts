import type { CalibrationValues } from "../../schema/calibration.ts";
import type { AttentionLibrary } from "../../schema/vocabulary.ts";

type Parameters = CalibrationValues["attention"];

/** What a library's kernels decide: how many queries a tile holds, and whether they share out the keys. */
interface LibraryTiles {
  /** queries in the tile of one block, the fewest that hold all of a sequence's, else the most */
  readonly rows: readonly number[];
  /** the rows with which few tiles share out their keys over idle processors; absent: each tile walks all its keys */
  readonly splitRows?: number;
  /** rows of a decode kernel's tile, which a group's queries fill */
  readonly decodeRows: number;
  /** speed beside cuDNN's kernel on the same device */
  readonly speed?: "flashSpeed" | "tritonSpeed";
}

/**
 * cuDNN's kernels take 128 queries and walk all keys, however idle the GPU is: 8 queries behind 32,768 keys take as long
 * as 128. FlashAttention 2 shares keys out over the processors (measurements/h200-sxm/attention.jsonl). What serving
 * engines run (FlashInfer, TensorRT-LLM's kernels, FlashAttention with packed groups) has tiles of 16 queries as well
 * (measurements of others: attention-serving.jsonl of each device).
 */
export const LIBRARY_TILES: Readonly<Record<AttentionLibrary, LibraryTiles>> = {
  cudnn: { rows: [128], decodeRows: 16 },
  flash: { rows: [64, 128], splitRows: 64, decodeRows: 64, speed: "flashSpeed" },
  flashinfer: { rows: [16, 64, 128], splitRows: 64, decodeRows: 16 },
  triton: { rows: [16, 64, 128], splitRows: 64, decodeRows: 16, speed: "tritonSpeed" },
};

/** Keys are shared out in parts of at least this many. */
export const LEAST_PART_KEYS = 256;

/** Into how many parts the keys of each tile are shared out, so that no processor is idle. */
export const keyParts = (tiles: number, keys: number, units: number): number =>
  Math.max(1, Math.min(Math.floor(units / tiles), Math.ceil(keys / LEAST_PART_KEYS)));

export const librarySpeed = (library: AttentionLibrary, p: Parameters): number => {
  const { speed } = LIBRARY_TILES[library];
  return speed === undefined ? 1 : p[speed];
};

/** The factor of `librarySpeed`; nothing where it is 1. */
export const librarySpeedText = (library: AttentionLibrary): string => {
  const { speed } = LIBRARY_TILES[library];
  return speed === undefined ? "" : ` * attention.${speed}`;
};
