import type { Calibration, CalibrationValues, Parameter } from "../../schema/calibration.ts";
import type { Hardware } from "../../schema/hardware.ts";

/** A hardware profile as the laws read it: peaks, and plain numbers for the calibration's documented parameters. */
export interface Device {
  readonly hardware: Hardware;
  readonly hbmBytesPerSecond: number;
  /** to other GPUs; `FASTEST_LINK` where the profile does not say */
  readonly linkBytesPerSecond: number;
  readonly calibration: CalibrationValues | undefined;
}

/** Bytes per second of a link that a profile says nothing of: its wire takes no time, yet every figure has a value. */
const FASTEST_LINK = 1e30;

export function device(hardware: Hardware): Device {
  const known = devices.get(hardware);
  // Stryker disable next-line ConditionalExpression: only faster, a device is its profile
  if (known !== undefined) return known;
  const made: Device = {
    hardware,
    hbmBytesPerSecond: hardware.hbmBytesPerSecond,
    linkBytesPerSecond: hardware.linkBytesPerSecond ?? FASTEST_LINK,
    calibration: hardware.calibration && calibrationValues(hardware.calibration),
  };
  devices.set(hardware, made);
  return made;
}

/** Profiles are plain data that nobody changes, so that a device can be made once for each. */
const devices = new WeakMap<Hardware, Device>();

type Tree = { readonly [name: string]: Tree | Parameter | undefined };

const isParameter = (node: Tree | Parameter): node is Parameter => "value" in node;

/** Drops origin and source of every parameter. */
export function calibrationValues(calibration: Calibration): CalibrationValues {
  const plain = (node: Tree | Parameter): unknown =>
    isParameter(node)
      ? node.value
      : Object.fromEntries(Object.entries(node).map(([name, child]) => [name, child && plain(child)]));
  return plain(calibration) as CalibrationValues;
}
