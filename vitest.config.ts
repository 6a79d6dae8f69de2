import { defineConfig } from "vitest/config";

// a machine whose cores are busy with something else is slow, not wrong
export default defineConfig({ test: { testTimeout: 60_000, hookTimeout: 60_000 } });
