/** Mutation tests of the physics; `npm run mutation` (tools/mutation.mjs) runs this folder by folder. */
export default {
  testRunner: "vitest",
  plugins: ["@stryker-mutator/vitest-runner"],
  vitest: { configFile: "vitest.mutation.config.ts", related: false },
  coverageAnalysis: "perTest",
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
