/**
 * Mutation tests of the physics: every operator, number and condition changed, one at a time; does a test notice?
 *
 *     npm run mutation                                              all, hours
 *     npm run mutation -- --mutate "src/engine/device/**"           a folder, or a file
 *     MUTATE_STATIC=yes npm run mutation                            also what runs only while modules load
 */
export default {
  mutate: ["layer", "model", "device"]
    .map((name) => `src/engine/${name}/**/*.ts`)
    .concat("src/calibration/**/*.ts"),
  thresholds: { high: 98, low: 95, break: 90 },
  testRunner: "vitest",
  plugins: ["@stryker-mutator/vitest-runner"],
  vitest: { configFile: "vitest.mutation.config.ts", related: false },
  coverageAnalysis: "perTest",
  // tests of all folders at once, on a machine that may be busy
  dryRunTimeoutMinutes: 30,
  // tables and constants that only module loading reads need a fresh process for each mutant
  ignoreStatic: process.env["MUTATE_STATIC"] !== "yes",
  concurrency: 2,
  timeoutMS: 15_000,
  reporters: ["clear-text", "progress-append-only", "json"],
  clearTextReporter: { allowColor: false, reportTests: false, logTests: false },
  jsonReporter: { fileName: "coverage/mutation.json" },
  tempDirName: "coverage/stryker",
  allowConsoleColors: false,
};
