import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import ordinary from "./vitest.config.ts";

/** The tests of the physics, those first that notice most mistakes for their time: the first one ends a mutant. */
const ORDER = [
  "engine/layer/kernel-list",
  "engine/layer/dataflow",
  "engine/layer/reference",
  "engine/layer/counts",
  "reference/pytorch-flops",
  "engine/layer/",
  "engine/model/",
  "engine/device/rows",
  "engine/device/matmul",
  "engine/device/attention",
  "engine/device/collective",
  "engine/device/schedule",
  "engine/device/residency",
  "engine/device/element-wise",
  "engine/device/laws",
  "engine/device/",
  "study/explain",
  "calibration/measured",
  "calibration/figures",
  "calibration/",
];

/** `MUTATION_TESTS=engine/device/laws,calibration/measured`: these tests alone, where few files are mutated. */
const ASKED = process.env["MUTATION_TESTS"]?.split(",") ?? ORDER;

class KillersFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number =>
      ORDER.findIndex((start) => moduleId.includes(`/test/${start}`));
    return files.toSorted((a, b) => place(a) - place(b) || (a.moduleId < b.moduleId ? -1 : 1));
  }
}

// every draw counts here, as in `npm run test:all`; not merged: that would add to what the ordinary tests include
export default defineConfig({
  test: {
    ...ordinary.test,
    env: { MODE: "all" },
    include: ASKED.map((start) => `test/${start}*.test.ts`),
    sequence: { sequencer: KillersFirst },
  },
});
