import { mkdirSync, writeFileSync } from "node:fs";
import { main } from "../src/main.ts";

/** `npm run charts`: writes the pictures that the README shows. */
const CHARTS: Readonly<Record<string, readonly string[]>> = {
  "roofline.svg": ["run", "--format", "svg"],
  "share-over-hidden.svg": [
    ...["sweep", "--hidden", "256-16384*2"],
    ...["--norm", "layernorm:eager,rmsnorm:eager,layernorm:native,rmsnorm:fused"],
    ...["--columns", "normalization.shareOfTime", "--format", "svg"],
  ],
};

const folder = new URL("../docs/", import.meta.url);
mkdirSync(folder, { recursive: true });
for (const [name, argv] of Object.entries(CHARTS)) writeFileSync(new URL(name, folder), await printed(argv));

async function printed(argv: readonly string[]): Promise<string> {
  let text = "";
  const code = await main(argv, {
    stdout: (part) => {
      text += part;
    },
    stderr: (part) => void process.stderr.write(part),
    stdin: async () => new Uint8Array(),
    columns: 80,
    color: false,
    unicode: true,
  });
  if (code !== 0) throw new Error(`${argv.join(" ")} exited with ${code}`);
  return text;
}
