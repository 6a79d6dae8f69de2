import { writeFileSync } from "node:fs";
import { runProgram } from "./program.ts";
import { LONG, type Rewrite, SHORT, whileRewritten } from "./rewriting.ts";

/** How often a file's first content was the answer, its second one, or a refusal; and all other answers. */
export interface Answered {
  readonly first: number;
  readonly second: number;
  readonly refused: number;
  readonly wrong: readonly string[];
}

/** Asks about a scenario file again and again while another process rewrites it. */
export async function askWhileRewritten(path: string, how: Rewrite, times: number): Promise<Answered> {
  const ask = () => runProgram(["run", path, "--json"]);
  const expected: string[] = [];
  for (const content of [SHORT, LONG]) {
    writeFileSync(path, content);
    expected.push((await ask()).stdout);
  }
  const answered = { first: 0, second: 0, refused: 0, wrong: [] as string[] };
  await whileRewritten(path, how, [SHORT, LONG], async () => {
    for (let time = 0; time < times; time++) {
      const { code, stdout, stderr } = await ask();
      if (code === 0 && stdout === expected[0]) answered.first++;
      else if (code === 0 && stdout === expected[1]) answered.second++;
      else if (code === 2 && stdout === "" && REFUSAL.test(stderr)) answered.refused++;
      else answered.wrong.push(`exit code ${code}: ${stderr}${stdout}`.slice(0, 500));
    }
  });
  return answered;
}

/** What may be said of a file that is away, or of which only a beginning is there. */
const REFUSAL =
  /^error: [^\n]*(no such file|is empty|is not valid JSON: line \d+, column \d+: [^\n]*|something else keeps writing to it)\n$/;
