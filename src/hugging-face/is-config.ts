import type { Config } from "./reader.ts";

/** True for what transformers writes as config.json, false for a model file of ours. */
export const isConfig = (data: unknown): data is Config =>
  typeof data === "object" &&
  data !== null &&
  !Array.isArray(data) &&
  !Object.hasOwn(data, "hidden") &&
  (Object.hasOwn(data, "model_type") || Object.hasOwn(data, "architectures"));
