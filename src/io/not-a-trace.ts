/** Files that are taken for traces, by their first bytes: what each is, and what to do. */
interface Other {
  readonly begins: readonly string[];
  readonly what: string;
  readonly advice: string;
}

const RECORD =
  "record with torch.profiler (activities CPU and CUDA) and export_chrome_trace, which gives .json or .json.gz";

const OTHERS: readonly Other[] = [
  {
    begins: ["\u0080\u0002", "\u0080\u0003", "\u0080\u0004", "\u0080\u0005"],
    what: "looks like a memory snapshot (a pickle of torch.cuda.memory)",
    advice: RECORD,
  },
  { begins: ["PK\u0003\u0004"], what: "is a zip archive", advice: `unpack it, or ${RECORD}` },
  {
    begins: ["SQLite format 3"],
    what: "is a database, as nsys exports it",
    advice: "`nsys stats -r cuda_gpu_trace --format csv FILE` makes a table of it that can be read",
  },
  {
    begins: ["NVR", "QDSTRM", "NSYS"],
    what: "is a report of Nsight Systems or Nsight Compute",
    advice:
      "`nsys stats -r cuda_gpu_trace --format csv FILE` or `ncu --import FILE --csv` makes a table of it that can be read",
  },
  {
    begins: ["\u0028\u00b5\u002f\u00fd"],
    what: "is compressed with zstd",
    advice: "unpack it with `zstd -d`; gzip is read as it is",
  },
  { begins: ["\u00ff\u00fe", "\u00fe\u00ff"], what: "is UTF-16 text", advice: "save it as UTF-8" },
  { begins: ["<"], what: "is HTML or XML", advice: RECORD },
];

/** What a file is that is no JSON, and so no trace; undefined where it may be one. */
export function notATrace(head: Buffer): Omit<Other, "begins"> | undefined {
  const text = head.toString("latin1").trimStart();
  const known = OTHERS.find(({ begins }) => begins.some((first) => text.startsWith(first)));
  if (known !== undefined) return known;
  if (/^(?:\u00ef\u00bb\u00bf)?\s*[[{]/.test(text)) return undefined;
  return text === ""
    ? { what: "is empty", advice: RECORD }
    : { what: "is no trace: expected JSON, or a CSV table of Nsight", advice: RECORD };
}
