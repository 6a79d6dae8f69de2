import { mkdirSync, writeFileSync } from "node:fs";
import { JSON_SCHEMA_NAMES, jsonSchema } from "../src/schema/json-schema.ts";

/** `npm run schemas`: writes schemas/*.schema.json from the zod schemas. */
const folder = new URL("../schemas/", import.meta.url);

mkdirSync(folder, { recursive: true });
for (const name of JSON_SCHEMA_NAMES)
  writeFileSync(new URL(`${name}.schema.json`, folder), `${JSON.stringify(jsonSchema(name), null, 2)}\n`);
