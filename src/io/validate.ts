import type * as z from "zod";
import { HardwareSchema } from "../schema/hardware.ts";
import { ModelSchema } from "../schema/model.ts";
import { ResultSchema } from "../schema/result.ts";
import { ScenarioFileSchema } from "../schema/scenario.ts";
import { StackSchema } from "../schema/stack.ts";
import { problemLines } from "./problems.ts";

/** Imported only where something needs validation: building the schemas takes longer than everything else. */
export const SCHEMAS = {
  model: ModelSchema,
  hardware: HardwareSchema,
  scenario: ScenarioFileSchema,
  stack: StackSchema,
  result: ResultSchema,
} as const;

export type SchemaKind = keyof typeof SCHEMAS;
export type Validated<K extends SchemaKind> = z.infer<(typeof SCHEMAS)[K]>;

/** The value with its defaults filled in, or one line for each problem. */
export type Outcome<T> =
  | { readonly value: T; readonly problems?: never }
  | { readonly value?: never; readonly problems: readonly string[] };

export function validate<K extends SchemaKind>(
  kind: K,
  data: unknown,
  prefix: readonly string[] = [],
): Outcome<Validated<K>> {
  const schema: z.ZodType = SCHEMAS[kind];
  const parsed = schema.safeParse(data);
  if (parsed.success) return { value: parsed.data as Validated<K> };
  return { problems: problemLines(parsed.error, data, schema, prefix) };
}
