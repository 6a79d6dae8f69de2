import { describe, expect, test } from "vitest";
import { stretches } from "../../../src/report/text/stretches.ts";

const rising = (value: number) => ({ value, direction: "rising" as const });
const falling = (value: number) => ({ value, direction: "falling" as const });

describe("where a target is reached", () => {
  test.each([
    [[], []],
    [[falling(100)], ["below hidden 100"]],
    [[rising(100)], ["from hidden 100 on"]],
    [[rising(100), falling(300)], ["from hidden 100 to below 300"]],
    [
      [falling(50), rising(100), falling(300), rising(900)],
      ["below hidden 50", "from hidden 100 to below 300", "from hidden 900 on"],
    ],
  ])("after the passages %j is %j", (passages, expected) => {
    expect(stretches("hidden", passages)).toEqual(expected);
  });

  test("is told four times at most", () => {
    const passages = Array.from({ length: 12 }, (_, index) =>
      index % 2 === 0 ? rising(index) : falling(index),
    );
    expect(stretches("batch", passages.slice(0, 8))).toHaveLength(4);
    expect(stretches("batch", passages)).toEqual([
      "from batch 0 to below 1",
      "from batch 2 to below 3",
      "from batch 4 to below 5",
      "from batch 6 to below 7",
      "and so on",
    ]);
  });
});
