import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const SCRIPT = fileURLToPath(new URL("rewrite-forever.mjs", import.meta.url));

export const REWRITES = ["rename", "truncate", "remove"] as const;

/** How another process gives a file its next content. */
export type Rewrite = (typeof REWRITES)[number];

/** Another process rewrites a file while `action` runs. */
export async function whileRewritten<T>(
  path: string,
  how: Rewrite,
  contents: readonly string[],
  action: () => Promise<T>,
): Promise<T> {
  const files = contents.map((_, index) => `${path}.content-${index}`);
  files.forEach((file, index) => {
    writeFileSync(file, contents[index]!);
  });
  writeFileSync(path, contents[0]!);
  const child = spawn(process.execPath, [SCRIPT, how, path, ...files], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    await once(child.stdout, "data");
    return await action();
  } finally {
    child.kill("SIGKILL");
    await once(child, "close");
  }
}

/** Two scenarios of different length whose beginning and end tell them apart. */
export const [SHORT, LONG] = [scenarioText(1, 2_500_000), scenarioText(2, 3_000_000)] as const;

function scenarioText(n: number, spaces: number): string {
  return `{"model":"gpt2-xl","hardware":"h100-sxm","workload":{"phase":"decode","batch":${n},${" ".repeat(spaces)}"context":${n}}}\n`;
}
