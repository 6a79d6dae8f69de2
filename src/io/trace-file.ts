import { closeSync, createReadStream, fstatSync, openSync, readSync } from "node:fs";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { UserError } from "../errors.ts";
import type { Profile } from "../schema/profile.ts";
import { attempt, systemReason } from "./files.ts";
import { kinetoReader } from "./kineto.ts";
import { notATrace } from "./not-a-trace.ts";
import { looksLikeTable, readTable } from "./nsight.ts";

const PIECE_BYTES = 1 << 20;
const HEAD_BYTES = 4096;

/** A profile of a run, read piece by piece; `at` hears how many of the file's bytes are behind us. */
export async function readProfile(path: string, at: (bytes: number) => void): Promise<Profile> {
  const head = await firstBytes(path);
  if (head.length === 0) throw new UserError(`${path} is empty`);
  if (looksLikeTable(head)) return readTable(path, await wholeText(path, at));
  const problem = notATrace(head);
  if (problem !== undefined) throw new UserError(`${path} ${problem.what}`, [problem.advice]);
  const reader = kinetoReader();
  const cut = await eachPiece(path, at, reader.push);
  const profile = reader.profile();
  if (profile.events.length === 0) throw nothingRan(path, reader.fields(), reader.events(), profile);
  return cut === undefined || profile.problems.length > 0
    ? profile
    : { ...profile, problems: [...profile.problems, `The file could not be read to its end (${cut}).`] };
}

/** Bytes of the file, unpacked where it is compressed. Returns why it could not be read to its end, where it could not. */
async function eachPiece(
  path: string,
  at: (bytes: number) => void,
  take: (piece: Buffer) => void,
): Promise<string | undefined> {
  const source = createReadStream(path, { highWaterMark: PIECE_BYTES });
  const stream = unpacked(source, isCompressed(rawHead(path)));
  try {
    for await (const piece of stream) {
      take(piece as Buffer);
      at(source.bytesRead);
    }
    return undefined;
  } catch (error) {
    if (error instanceof Error && "code" in error && String(error.code).startsWith("Z_"))
      return "its compression is damaged or cut";
    throw new UserError(`cannot read ${path}: ${systemReason(error)}`);
  }
}

function unpacked(source: Readable, compressed: boolean): Readable {
  if (!compressed) return source;
  const gunzip = createGunzip({ chunkSize: PIECE_BYTES });
  source.on("error", (error) => gunzip.destroy(error));
  return source.pipe(gunzip);
}

async function firstBytes(path: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  const raw = rawHead(path);
  if (!isCompressed(raw)) return raw;
  const stream = unpacked(createReadStream(path, { end: 65_535 }), true);
  try {
    for await (const piece of stream) {
      pieces.push(piece as Buffer);
      break;
    }
  } catch {
    // the beginning of a compressed file is cut: what came before is enough
  }
  const found = Buffer.concat(pieces).subarray(0, HEAD_BYTES);
  if (found.length === 0) throw new UserError(`${path} is compressed, and damaged from its beginning on`);
  return found;
}

function rawHead(path: string): Buffer {
  const file = attempt(path, () => openSync(path, "r"));
  try {
    if (fstatSync(file).isDirectory()) throw new UserError(`${path} is a folder, not a file`);
    const bytes = Buffer.alloc(HEAD_BYTES);
    return bytes.subarray(
      0,
      attempt(path, () => readSync(file, bytes, 0, HEAD_BYTES, 0)),
    );
  } finally {
    closeSync(file);
  }
}

const isCompressed = (head: Buffer): boolean => head[0] === 0x1f && head[1] === 0x8b;

const LARGEST_TABLE_BYTES = 400e6;

async function wholeText(path: string, at: (bytes: number) => void): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  await eachPiece(path, at, (piece) => {
    bytes += piece.length;
    if (bytes > LARGEST_TABLE_BYTES)
      throw new UserError(`${path} is a table larger than ${LARGEST_TABLE_BYTES / 1e6} MB`, [
        "`nsys stats -r cuda_gpu_kern_sum --format csv` gives the same run in one line a kernel",
      ]);
    pieces.push(piece);
  });
  return Buffer.concat(pieces).toString("utf8");
}

/** A text that is read, and no GPU event in it: what it is, and how to record one. */
function nothingRan(
  path: string,
  fields: ReadonlySet<string>,
  events: number,
  { operators }: Profile,
): UserError {
  const record = "record with torch.profiler and activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]";
  if (["segments", "device_traces"].some((name) => fields.has(name)))
    return new UserError(`${path} is a memory snapshot, not a trace of kernels`, [record]);
  if (fields.has("nodes"))
    return new UserError(`${path} is an execution trace, which has no times of kernels`, [record]);
  if (operators.length > 0)
    return new UserError(`${path} has operators of the CPU and no GPU events`, [record]);
  return new UserError(
    events === 0 ? `${path} has no trace events` : `${path} has ${events} events and none of a GPU`,
    [
      `expected a Chrome trace of the PyTorch profiler, or CSV of Nsight Systems or Nsight Compute: ${record}`,
    ],
  );
}
