import * as z from "zod";
import { AccuracySchema } from "./accuracy.ts";
import { ClaimsSchema } from "./claims.ts";
import { ExplanationSchema } from "./explanation.ts";
import { HardwareSchema } from "./hardware.ts";
import { ModelSchema } from "./model.ts";
import { ResultSchema } from "./result.ts";
import { RowsSchema } from "./rows.ts";
import { ScenarioFileSchema } from "./scenario.ts";
import { SensitivitySchema } from "./sensitivity.ts";
import { SolutionSchema } from "./solution.ts";
import { StackSchema } from "./stack.ts";
import { TraceSchema } from "./trace.ts";

/** The zod schema of everything that is read or printed, and its title. */
export const TITLED_SCHEMAS = {
  model: ["Model of norm-roofline", ModelSchema],
  hardware: ["Hardware profile of norm-roofline", HardwareSchema],
  scenario: ["Scenario of norm-roofline", ScenarioFileSchema],
  stack: ["Stack of norm-roofline", StackSchema],
  result: ["Result of norm-roofline", ResultSchema],
  claims: ["Answer of norm-roofline claims", ClaimsSchema],
  explanation: ["Answer of norm-roofline explain", ExplanationSchema],
  sensitivity: ["Answer of norm-roofline sensitivity", SensitivitySchema],
  solution: ["Answer of norm-roofline solve", SolutionSchema],
  accuracy: ["Answer of norm-roofline accuracy", AccuracySchema],
  trace: ["Answer of norm-roofline trace", TraceSchema],
  rows: [
    "A row of norm-roofline list, sweep, or run over several values; in JSON a list of them",
    RowsSchema,
  ],
} as const;

export type JsonSchemaName = keyof typeof TITLED_SCHEMAS;

export const JSON_SCHEMA_NAMES = Object.keys(TITLED_SCHEMAS) as JsonSchemaName[];

/** What the program prints, where the others are what it reads. */
const PRINTED: ReadonlySet<JsonSchemaName> = new Set([
  "result",
  "claims",
  "explanation",
  "sensitivity",
  "solution",
  "accuracy",
  "trace",
  "rows",
]);

export const isPrinted = (name: JsonSchemaName): boolean => PRINTED.has(name);

/** The zod schema as JSON Schema (draft 2020-12), for editors and other programs. Refinements are left out. */
export function jsonSchema(name: JsonSchemaName): object {
  const [title, schema] = TITLED_SCHEMAS[name];
  const { $schema, ...rest } = z.toJSONSchema(schema, {
    io: isPrinted(name) ? "output" : "input",
    override: ({ jsonSchema: node }) => {
      // z.int() says that a number must be one that a double holds exactly; nobody needs to read that
      if (node.maximum === Number.MAX_SAFE_INTEGER) delete node.maximum;
      if (node.minimum === Number.MIN_SAFE_INTEGER) delete node.minimum;
    },
  });
  return { $schema, title, ...rest };
}
