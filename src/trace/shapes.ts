import type { HostOperator, Shape } from "../schema/profile.ts";

/** The shape of one argument; of none, of a list and of a plain value there is no shape. */
export function shapeOf({ arguments: { shapes } }: HostOperator, index: number): Shape | undefined {
  const shape = shapes[index];
  return shape !== undefined && shape.length > 0 && shape.every((size) => typeof size === "number")
    ? (shape as Shape)
    : undefined;
}

/** Shapes of the tensors of an argument that is a list. */
export function shapesOf({ arguments: { shapes } }: HostOperator, index: number): readonly Shape[] {
  const list = shapes[index];
  return list !== undefined && list.length > 0 && list.every(Array.isArray) ? (list as readonly Shape[]) : [];
}

export const isSame = (a: Shape | undefined, b: Shape | undefined): boolean =>
  a !== undefined && b !== undefined && a.length === b.length && a.every((size, index) => size === b[index]);

export const elements = (shape: Shape): number => shape.reduce((product, size) => product * size, 1);

/** The shape that a statistic over each row has: its last dimension 1, or left out. */
export const isStatisticOf = (rows: Shape | undefined, shape: Shape): boolean =>
  isSame(rows, [...shape.slice(0, -1), 1]) || (shape.length > 1 && isSame(rows, shape.slice(0, -1)));

/** A weight or bias of each row: the last dimensions of the shape, fewer than all. */
export const isWeightOf = (weight: Shape | undefined, shape: Shape): boolean =>
  weight !== undefined && weight.length < shape.length && isSame(weight, shape.slice(-weight.length));

const TYPES: Readonly<Record<string, string>> = {
  "c10::BFloat16": "bf16",
  "c10::Half": "fp16",
  float: "fp32",
  double: "fp64",
  "c10::Float8_e4m3fn": "fp8",
  "c10::Float8_e4m3fnuz": "fp8",
  "c10::Float8_e5m2": "fp8",
};

/** The program's name of a tensor's type; undefined for whole numbers and plain values. */
export function typeOf({ arguments: { types } }: HostOperator, index: number): string | undefined {
  const type = types[index] ?? "";
  return Object.hasOwn(TYPES, type) ? TYPES[type] : undefined;
}

const BYTES: Readonly<Record<string, number>> = { bf16: 2, fp16: 2, fp32: 4, fp64: 8, fp8: 1 };

export const bytesOf = (type: string): number => (Object.hasOwn(BYTES, type) ? BYTES[type]! : 2);
