/** Neighbours that touch: they stand in a row around the place that suits them best together. */
interface Row {
  readonly sum: number;
  readonly count: number;
}

const middle = ({ sum, count }: Row): number => sum / count;

/**
 * Places at least `gap` apart and between two ends, as near as can be to those that are wanted (least squares); these
 * rise. Only those that would touch move: each row of them together, until the next row is met.
 */
export function spread(
  wanted: readonly number[],
  gap: number,
  [least, most]: readonly [number, number],
): number[] {
  const rows: Row[] = [];
  wanted.forEach((place, index) => {
    // each place less the room of those before it: then no more is asked than that places never fall
    let row: Row = { sum: place - index * gap, count: 1 };
    while (rows.length > 0 && middle(rows.at(-1)!) > middle(row)) {
      const before = rows.pop()!;
      row = { sum: before.sum + row.sum, count: before.count + row.count };
    }
    rows.push(row);
  });
  const highest = most - (wanted.length - 1) * gap;
  const within = (place: number): number => Math.max(least, Math.min(highest, place));
  return rows
    .flatMap((row) => Array.from({ length: row.count }, () => within(middle(row))))
    .map((place, index) => place + index * gap);
}
