import { expect, test } from "vitest";
import type { Hardware } from "../../src/schema/hardware.ts";
import { parametersOf } from "../../src/schema/parameters.ts";
import { fittedOn } from "../../tools/measured-files.ts";
import { command } from "../support/command.ts";
import { IS_FULL_LENGTH } from "../support/length.ts";
import { hardware } from "../support/scenarios.ts";

// a whole fit: about 20 s on two slow cores
test.runIf(IS_FULL_LENGTH)(
  "the shipped h200-sxm is what `calibrate` makes of the measurements that it is fitted on",
  async () => {
    const files = fittedOn("h200-sxm").map((name) => `measurements/h200-sxm/${name}.jsonl`);
    const { code, stdout } = await command(["calibrate", ...files, "--base", "h200-sxm", "--scratch"]);
    expect(code).toBe(0);
    const made = JSON.parse(stdout) as Hardware;
    const values = (profile: Hardware) =>
      parametersOf(profile.calibration!).map(([path, { value, origin }]) => [path, value, origin]);
    // two GPUs say nothing of how more of them exchange: that is H100's, which a fit of these files does not know
    const own = (of: Hardware) =>
      values(of).filter(([path]) => !/moreRanks|secondsPerRank|oneShot/.test(String(path)));
    expect(own(made)).toEqual(own(hardware("h200-sxm")));
    // of the layers in these files that are not fitted; accuracy.test.ts has those of all files
    expect(made.validation?.map(({ phase, runtime }) => `${phase} ${runtime}`)).toEqual([
      "prefill graph",
      "prefill eager",
      "decode graph",
      "decode eager",
      "train eager",
    ]);
  },
);
