import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Box, overlap, placeLabels, type Room, type Wish } from "../../../src/report/chart/labels.ts";

const frame: Box = { x: 60, y: 20, width: 640, height: 400 };

const anyWish = fc
  .record({
    x: fc.double({ min: frame.x, max: frame.x + frame.width, noNaN: true }),
    y: fc.double({ min: frame.y, max: frame.y + frame.height, noNaN: true }),
    radius: fc.double({ min: 1, max: 30, noNaN: true }),
    letters: fc.integer({ min: 1, max: 40 }),
  })
  .map(
    ({ x, y, radius, letters }): Wish => ({
      text: "x".repeat(letters),
      anchor: { x, y },
      radius,
      width: letters * 6.7,
      height: 15,
    }),
  );

/** Dots all over the frame, and dots on top of each other: what layers really look like. */
const anyWishes = fc.oneof(
  fc.array(anyWish, { maxLength: 40 }),
  fc.tuple(anyWish, fc.array(anyWish, { maxLength: 40 })).map(([first, rest]) => [
    first,
    ...rest.map((wish, index) => ({
      ...wish,
      anchor: { x: first.anchor.x + (index % 5), y: first.anchor.y + (index % 3) },
    })),
  ]),
);

const boxOf = ({ anchor, radius }: Wish): Box => ({
  x: anchor.x - radius,
  y: anchor.y - radius,
  width: 2 * radius,
  height: 2 * radius,
});

const anyReach = fc.constantFrom(60, 400, Number.POSITIVE_INFINITY);

const anyRoom = fc
  .tuple(anyWishes, fc.boolean(), fc.boolean(), anyReach)
  .map(([wishes, onGrid, withLines, reach]) => {
    const room: Room = {
      frame,
      taken: wishes.map(boxOf),
      lines: withLines
        ? [
            [
              { x: frame.x, y: frame.y + frame.height },
              { x: frame.x + 400, y: frame.y + 30 },
            ],
            [
              { x: frame.x + 400, y: frame.y + 30 },
              { x: frame.x + frame.width, y: frame.y + 30 },
            ],
          ]
        : [],
      reach,
      ...(onGrid && reach < 100 ? { grid: { x: 8, y: 16 } } : {}),
    };
    return { wishes, room };
  });

const inside = ({ x, y, width, height }: Box): boolean =>
  x >= frame.x - 1e-9 &&
  y >= frame.y - 1e-9 &&
  x + width <= frame.x + frame.width + 1e-9 &&
  y + height <= frame.y + frame.height + 1e-9;

describe("labels", () => {
  test("never overlap, whatever the dots", () => {
    fc.assert(
      fc.property(anyRoom, ({ wishes, room }) => {
        const boxes = placeLabels(wishes, room).flatMap((label) => (label === undefined ? [] : [label.box]));
        boxes.forEach((box, index) => {
          for (const other of boxes.slice(index + 1)) expect(overlap(box, other)).toBe(false);
        });
      }),
    );
  });

  test("stand inside the frame, and on no dot", () => {
    fc.assert(
      fc.property(anyRoom, ({ wishes, room }) => {
        for (const label of placeLabels(wishes, room)) {
          if (label === undefined) continue;
          expect(inside(label.box)).toBe(true);
          for (const dot of room.taken) expect(overlap(label.box, dot)).toBe(false);
        }
      }),
    );
  });

  test("keep their text and their size, one a wish", () => {
    fc.assert(
      fc.property(anyRoom, ({ wishes, room }) => {
        const labels = placeLabels(wishes, room);
        expect(labels).toHaveLength(wishes.length);
        labels.forEach((label, index) => {
          if (label === undefined) return;
          const { text, width, height } = wishes[index]!;
          expect(label).toMatchObject({ text, box: { width, height } });
        });
      }),
    );
  });

  test("begin at whole cells in a terminal", () => {
    fc.assert(
      fc.property(anyRoom, ({ wishes, room }) => {
        const cell = { x: 8, y: 16 };
        for (const label of placeLabels(wishes, { ...room, grid: cell, reach: 60 })) {
          if (label === undefined) continue;
          expect(label.box.x % cell.x).toBeCloseTo(0);
          expect(label.box.y % cell.y).toBeCloseTo(0);
        }
      }),
    );
  });

  test("stand beside a dot that is alone, without a line to it", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.double({ min: 2, max: 20, noNaN: true }),
        (letters, radius) => {
          const wish: Wish = {
            text: "x".repeat(letters),
            anchor: { x: 380, y: 220 },
            radius,
            width: letters * 6.7,
            height: 15,
          };
          const [label] = placeLabels([wish], { frame, taken: [boxOf(wish)], lines: [], reach: 400 });
          expect(label?.leader).toBeUndefined();
          expect(label!.box.x).toBeGreaterThan(wish.anchor.x);
          expect(label!.box.x - wish.anchor.x - radius).toBeLessThan(8);
        },
      ),
    );
  });

  test("that stand away are joined to the edge of their own dot", () => {
    fc.assert(
      fc.property(anyRoom, ({ wishes, room }) => {
        placeLabels(wishes, room).forEach((label, index) => {
          if (label?.leader === undefined) return;
          const [from, to] = label.leader;
          const { anchor, radius } = wishes[index]!;
          expect(Math.hypot(from.x - anchor.x, from.y - anchor.y)).toBeCloseTo(radius, 6);
          expect(to.x).toBeGreaterThanOrEqual(label.box.x - 1e-9);
          expect(to.x).toBeLessThanOrEqual(label.box.x + label.box.width + 1e-9);
        });
      }),
    );
  });

  test("of eleven dots on one point all find a place", () => {
    const wishes = Array.from(
      { length: 11 },
      (_, index): Wish => ({
        text: `operator-${index} 9.1%`,
        anchor: { x: 380 + index, y: 220 },
        radius: 12,
        width: 120,
        height: 15,
      }),
    );
    const labels = placeLabels(wishes, { frame, taken: wishes.map(boxOf), lines: [], reach: 400 });
    expect(labels.every((label) => label !== undefined)).toBe(true);
  });

  test("that find no room are left out", () => {
    const wish: Wish = { text: "x", anchor: { x: 100, y: 100 }, radius: 5, width: 1000, height: 15 };
    expect(placeLabels([wish], { frame, taken: [], lines: [], reach: 400 })).toEqual([undefined]);
  });

  test("without a limit go wherever there is room", () => {
    const wishes = Array.from(
      { length: 60 },
      (_, index): Wish => ({
        text: `operator-${index}`,
        anchor: { x: 380 + (index % 8), y: 220 + (index % 5) },
        radius: 12,
        width: 110,
        height: 15,
      }),
    );
    const taken = wishes.map(boxOf);
    const near = placeLabels(wishes, { frame, taken, lines: [], reach: 60 });
    const all = placeLabels(wishes, { frame, taken, lines: [], reach: Number.POSITIVE_INFINITY });
    expect(near.filter((label) => label === undefined).length).toBeGreaterThan(0);
    expect(all.filter((label) => label === undefined)).toEqual([]);
  });

  test("leave a line alone where a place off it is near", () => {
    const wish: Wish = { text: "x", anchor: { x: 300, y: 220 }, radius: 5, width: 80, height: 15 };
    const lines = [
      [
        { x: frame.x, y: 220 },
        { x: frame.x + frame.width, y: 220 },
      ],
    ] as const;
    const [label] = placeLabels([wish], { frame, taken: [boxOf(wish)], lines, reach: 400 });
    const { y, height } = label!.box;
    expect(y > 220 || y + height < 220).toBe(true);
  });
});
