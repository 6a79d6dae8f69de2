import { getPath } from "../../ask/set-path.ts";
import type { Device } from "../../engine/device/device.ts";
import { lawOf } from "../../engine/device/kernel-time.ts";
import type { Figures } from "../../engine/device/law.ts";
import { rereadBytes } from "../../engine/device/norm-row-per-block.ts";
import type { Traffic } from "../../engine/device/residency.ts";
import { type Kernel, readBytes, writeBytes } from "../../engine/layer/kernel.ts";
import type { Operand, Step } from "./step.ts";

/** A name or a path in an expression; what stands before a parenthesis is a function. */
const NAME = /(?<![\w.])[A-Za-z_]\w*(?:\.\w+)*(?![\w.(])/g;

/** The lines of a kernel's law, each with its value and those of the names in it. */
export function lawSteps(kernel: Kernel, traffic: Traffic, device: Device): Step[] {
  const law = lawOf(kernel.work, device);
  const noted: Figures[] = [];
  const { seconds, terms } = law.time(kernel, traffic, device, (figures) => noted.push(figures));
  const computed: Figures = Object.assign({ ...terms, seconds }, ...noted);
  const find = finder({ ...kernelNumbers(kernel, device), ...law.constants, ...computed }, traffic, device);
  return law.formula(kernel.work, device).map(([name, text]) => {
    const names = [...new Set(text.match(NAME))];
    const template = text.replace(NAME, (found) => `$${names.indexOf(found)}`);
    return { name, template, operands: names.map(find), value: computed[name]! };
  });
}

const kernelNumbers = (kernel: Kernel, device: Device) => ({
  ...kernel.work,
  flops: kernel.flops,
  hbmReadBytes: readBytes(kernel) + rereadBytes(kernel.work, device),
  hbmWriteBytes: writeBytes(kernel),
});

/** Finds what a formula names: a plain name in the law, a path in the hardware, its calibration or the traffic. */
function finder(law: object, traffic: Traffic, device: Device): (name: string) => Operand {
  const { hardware, linkBytesPerSecond, calibration } = device;
  const paths = { ...calibration, traffic, hardware: { ...hardware, linkBytesPerSecond } };
  return (name) => {
    const value = getPath(name.includes(".") ? paths : law, name.split("."));
    if (typeof value !== "number") throw new Error(`a formula names ${name}, which is no number`);
    const path = pathInScenario(name);
    return { name, value, ...(path === undefined ? {} : { path }) };
  };
}

function pathInScenario(name: string): string | undefined {
  if (name.startsWith("hardware.")) return name;
  return name.includes(".") && !name.startsWith("traffic.") ? `hardware.calibration.${name}` : undefined;
}
