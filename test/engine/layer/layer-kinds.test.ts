import { describe, expect, test } from "vitest";
import { modelOfKind } from "../../../src/engine/layer/layer-kinds.ts";
import { usualKind } from "../../../src/schema/layer-kinds.ts";
import type { LayerKind, Model } from "../../../src/schema/model.ts";
import { model } from "../../support/scenarios.ts";

const withKinds = (base: Model, ...layerKinds: LayerKind[]): Model => ({ ...base, layerKinds });
const MIXTRAL = model("mixtral-8x7b");
const WINDOWED: Model = { ...model("llama-3-8b"), slidingWindow: 100 };

describe("the kind of layer that is reported", () => {
  test("is the one with the most layers, the first of those", () => {
    const of = (...layers: number[]) =>
      usualKind(withKinds(MIXTRAL, ...layers.map((count, index) => ({ name: `${index}`, layers: count }))))
        .name;
    expect([of(1, 3, 2), of(3, 1), of(2, 2), of(1, 2, 2)]).toEqual(["1", "0", "0", "1"]);
  });
});

describe("a model as if all its layers were of one kind", () => {
  const kinds: LayerKind[] = [
    { name: "dense", layers: 1, feedForward: "dense" },
    { name: "routed", layers: 2 },
    { name: "full", layers: 1, attention: "full" },
  ];

  test("has experts and a window where that kind does, and no such field where it does not", () => {
    const { experts: _, ...bare } = MIXTRAL;
    const mixed = withKinds(MIXTRAL, ...kinds);
    expect(modelOfKind(mixed, "dense")).toStrictEqual(bare);
    expect(modelOfKind(mixed, "routed")).toStrictEqual(MIXTRAL);
    const windowed = withKinds(WINDOWED, ...kinds);
    const { slidingWindow: __, ...wide } = WINDOWED;
    expect(modelOfKind(windowed, "full")).toStrictEqual(wide);
    expect(modelOfKind(windowed, "dense")).toStrictEqual(WINDOWED);
  });

  test("is of its usual kind where it has no such kind, and as it is where it has none", () => {
    expect(modelOfKind(withKinds(MIXTRAL, ...kinds), undefined)).toStrictEqual(MIXTRAL);
    expect(modelOfKind(withKinds(MIXTRAL, ...kinds), "other")).toStrictEqual(MIXTRAL);
    expect(modelOfKind(MIXTRAL, "dense")).toBe(MIXTRAL);
  });
});
