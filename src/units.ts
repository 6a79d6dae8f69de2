/** SI base units inside; prefixes and percent signs only here, on the way out. */

type Scale = readonly (readonly [factor: number, prefix: string])[];

const TIME: Scale = [
  [1, "s"],
  [1e-3, "ms"],
  [1e-6, "µs"],
  [1e-9, "ns"],
];
const LARGE: Scale = [
  [1e18, "E"],
  [1e15, "P"],
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "K"],
  [1, ""],
];
const BYTES: Scale = [
  [1e18, "EB"],
  [1e15, "PB"],
  [1e12, "TB"],
  [1e9, "GB"],
  [1e6, "MB"],
  [1e3, "kB"],
  [1, "B"],
];

/** What is shown for a value that is no finite number; the engine never gives one. */
const NOTHING = "-";

/** Three significant digits, or more, without an exponent: 1.23, 12.3, 123, 1234. Small ones keep at least one. */
export function significant(value: number, digits = 3): string {
  if (!Number.isFinite(value)) return NOTHING;
  if (value === 0) return "0";
  // 9.996 is shown as 10.0: the digits before the point are those after rounding
  const size = rounded(Math.abs(value), digits);
  const before = size < 10 ? 1 : Math.floor(Math.log10(size)) + 1;
  const text = value.toFixed(Math.max(0, digits - before));
  return Number(text) === 0 ? String(rounded(value, 1)) : text;
}

/** Four digits: a swap of norms moves the third or the fourth. */
export const fourDigits = (value: number): string => String(rounded(value, 4));

export const formatUsd = (value: number): string => `$${fourDigits(value)}`;

const rounded = (value: number, digits: number): number => Number(value.toPrecision(digits));

function scaled(value: number, scale: Scale, zero: string, digits = 3): string {
  if (!Number.isFinite(value)) return NOTHING;
  if (value === 0) return zero;
  // 999.6 rounds to 1000: the next prefix up is chosen before that happens
  const size = rounded(Math.abs(value), digits);
  const [factor, prefix] = scale.find(([unit]) => size >= unit) ?? scale.at(-1)!;
  return `${significant(value / factor, digits)} ${prefix}`.trimEnd();
}

export const formatSeconds = (seconds: number, digits = 3): string => scaled(seconds, TIME, "0 s", digits);

export const formatBytes = (bytes: number): string => scaled(bytes, BYTES, "0 B");

/** FLOPs, elements, tokens: 1.37 T. */
export const formatCount = (count: number): string => scaled(count, LARGE, "0");

export const formatFlopRate = (flopsPerSecond: number): string => rate(formatCount(flopsPerSecond), "FLOP/s");

export const formatByteRate = (bytesPerSecond: number): string => `${formatBytes(bytesPerSecond)}/s`;

const rate = (count: string, unit: string): string =>
  /[A-Z]$/.test(count) ? `${count}${unit}` : `${count} ${unit}`;

/** A share of 1 as percent: one decimal, two below 1%. */
export function formatPercent(share: number): string {
  if (!Number.isFinite(share)) return NOTHING;
  const percent = share * 100;
  const size = Math.abs(percent);
  if (size === 0) return "0%";
  if (size < 0.005) return percent > 0 ? "<0.01%" : ">-0.01%";
  if (size >= 99.95) return `${percent.toFixed(0)}%`;
  return `${percent.toFixed(size < 0.995 ? 2 : 1)}%`;
}

/** FLOPs per byte: 1.75, 12.3, 2156. */
export const formatIntensity = (flopsPerByte: number): string => significant(flopsPerByte);

export const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? "" : "s"}`;
