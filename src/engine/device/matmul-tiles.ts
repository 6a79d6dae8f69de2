/** Output tiles that matmul libraries choose from, rows by columns. */
const TILES = [
  [256, 128],
  [128, 256],
  [192, 192],
  [320, 128],
  [192, 128],
  [128, 192],
  [256, 96],
  [256, 80],
  [128, 128],
  [256, 64],
  [128, 96],
  [128, 64],
  [64, 256],
  [64, 128],
  [64, 64],
  [128, 32],
  [128, 16],
] as const;
/** A tile reads its operands once per product: its speed falls with rows^-1 + columns^-1, by this many elements. */
const OPERAND_COST = 42;
const operandCost = (rows: number, columns: number): number => 1 + OPERAND_COST * (1 / rows + 1 / columns);
const TILE_COST = TILES.map(([rows, columns]) => operandCost(rows, columns) / operandCost(256, 128));
/** A matmul with fewer tiles than processors splits the inner dimension, in pieces of at least this many elements. */
const SMALLEST_SPLIT = 512;

/**
 * Tile and wave quantization: work of the tiles as launched (edges padded, last wave full) over the work asked for,
 * for the best of the tile shapes, either way round. 1 for a matmul that fills the device exactly.
 */
export function tilePadding(m: number, n: number, k: number, products: number, units: number): number {
  const elements = products * m * n;
  let best = Number.POSITIVE_INFINITY;
  for (let i = 0; i < TILES.length; i++) {
    const cost = TILE_COST[i]!;
    // tiles cover at least what was asked for
    // Stryker disable next-line ConditionalExpression,EqualityOperator,ArithmeticOperator: only faster
    if (cost * elements >= best) continue;
    const [rows, columns] = TILES[i]!;
    const size = rows * columns;
    const upright = products * Math.ceil(m / rows) * Math.ceil(n / columns);
    const turned = products * Math.ceil(n / rows) * Math.ceil(m / columns);
    // and waves hold at least these tiles
    // Stryker disable next-line ArithmeticOperator: only faster
    const [leastUpright, leastTurned] = [cost * upright * size, cost * turned * size];
    // Stryker disable next-line ConditionalExpression,EqualityOperator: only faster
    if (leastUpright < best) best = Math.min(best, cost * launchedElements(upright, k, size, units));
    // Stryker disable next-line ConditionalExpression,EqualityOperator: only faster
    if (leastTurned < best) best = Math.min(best, cost * launchedElements(turned, k, size, units));
  }
  return best / elements;
}

const GROUPED_TILE = { rows: 128, columns: 128 } as const;

/**
 * The same for products of different numbers of rows, `m` on average: one tile shape for all of them, and each product
 * ends inside a tile, half filled on average.
 */
export function groupedPadding(m: number, n: number, products: number, units: number): number {
  const { rows, columns } = GROUPED_TILE;
  const tiles = products * Math.max(1, m / rows + 0.5) * Math.ceil(n / columns);
  const waves = Math.ceil(tiles / units);
  return (waves * units * rows * columns) / (products * m * n);
}

function launchedElements(tiles: number, k: number, tileElements: number, units: number): number {
  // pieces are never more than processors: they add no wave
  const waves = Math.ceil(tiles / units);
  const splits = Math.max(1, Math.min(Math.floor(units / tiles), Math.floor(k / SMALLEST_SPLIT)));
  return (waves * units * tileElements) / splits;
}
