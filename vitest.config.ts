import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // not the copies that a mutation run leaves behind when it is stopped
    include: ["test/**/*.test.ts"],
    // vitest leaves one core free; of two that is half of the machine
    maxWorkers: "100%",
    // what is tested is pure: files need no module graph of their own each
    isolate: false,
    // what takes as long hangs: a machine whose cores are busy with something else is slow, not wrong
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
