import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import ordinary from "./vitest.config.ts";

/** The tests of a folder's physics, those first that notice most mistakes for their time: the first one ends a mutant. */
const LAYER = [
  ...["layer/kernel-list", "layer/dataflow", "layer/reference", "layer/counts"].map(
    (name) => `engine/${name}`,
  ),
  "reference/pytorch-flops",
  "engine/layer/",
  "engine/model/",
];
const TESTS: Readonly<Record<string, readonly string[]>> = {
  "engine/layer": LAYER,
  "engine/model": LAYER,
  "engine/device": [
    ...["rows", "matmul", "attention", "collective", "schedule", "residency", "element-wise", "laws"].map(
      (name) => `engine/device/${name}`,
    ),
    "engine/device/",
    "study/explain",
  ],
  calibration: ["calibration/measured", "calibration/figures", "calibration/"],
};
const order = TESTS[process.env["MUTATED"] ?? ""] ?? Object.values(TESTS).flat();

class KillersFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number =>
      order.findIndex((start) => moduleId.includes(`/test/${start}`));
    return files.toSorted((a, b) => place(a) - place(b) || (a.moduleId < b.moduleId ? -1 : 1));
  }
}

// every draw counts here, as in `npm run test:all`; not merged: that would add to what the ordinary tests include
export default defineConfig({
  test: {
    ...ordinary.test,
    env: { MODE: "all" },
    include: order.map((start) => `test/${start}*.test.ts`),
    sequence: { sequencer: KillersFirst },
  },
});
