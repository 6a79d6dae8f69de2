/** Loaded before the program: a system that starts three threads and no more, and what Node throws there. */
import { syncBuiltinESMExports } from "node:module";
import threads from "node:worker_threads";

const { Worker } = threads;
let left = 3;

threads.Worker = class extends Worker {
  constructor(...given) {
    if (left-- === 0) {
      process.stderr.write("no more threads\n");
      throw Object.assign(new Error("EAGAIN"), { code: "ERR_WORKER_INIT_FAILED" });
    }
    super(...given);
  }
};
syncBuiltinESMExports();
