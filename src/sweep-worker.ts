import { parentPort, workerData } from "node:worker_threads";
import type { LineFormat } from "./report/text/sweep-lines.ts";
import type { SweepPlan } from "./study/sweep.ts";
import { rowWriter } from "./sweep-rows.ts";

/** A thread of a sweep: it is sent ranges of points and answers with their lines. */
const { plan, format } = workerData as { readonly plan: SweepPlan; readonly format: LineFormat };
const rows = rowWriter(plan, format);

parentPort!.on("message", ({ from, to }: { readonly from: number; readonly to: number }) => {
  parentPort!.postMessage({ from, text: rows(from, to) });
});
