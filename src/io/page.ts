import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../errors.ts";
import { readText } from "./files.ts";
import { packageRoot } from "./shipped.ts";

/** The script of the interactive page, as the build leaves it. */
export function readPageScript(): string {
  const path = join(packageRoot(), "dist", "page.iife.js");
  if (!existsSync(path))
    throw new UserError("the page's script is missing: npm run build makes dist/page.iife.js");
  const code = readText(path, "dist/page.iife.js");
  // nothing in a script may look like its end
  return code.replaceAll("</script", "<\\/script").replaceAll("<!--", "<\\!--").trimEnd();
}

/** The digest of a text as a Content-Security-Policy names it. */
export const contentDigest = (text: string): string =>
  `sha256-${createHash("sha256").update(text, "utf8").digest("base64")}`;
