import { EXIT, UserError } from "../errors.ts";
import { readText } from "../io/files.ts";
import { SCHEMA_NAMES, shippedSchemaPath } from "../io/shipped.ts";
import type { Io } from "../io/terminal.ts";
import { suggestion } from "../nearest.ts";

/** `schema`: the JSON Schema as shipped; a test keeps it equal to the zod schema it is generated from. */
export async function schema(name: string | undefined, io: Io): Promise<number> {
  if (name === undefined) {
    io.stdout(`${SCHEMA_NAMES.join("\n")}\n`);
    return EXIT.ok;
  }
  if (!(SCHEMA_NAMES as readonly string[]).includes(name))
    throw new UserError(
      `no schema named ${JSON.stringify(name)}: ${suggestion(name, SCHEMA_NAMES) || `there is ${SCHEMA_NAMES.join(", ")}`}`,
    );
  io.stdout(readText(shippedSchemaPath(name), `schemas/${name}.schema.json`));
  return EXIT.ok;
}
