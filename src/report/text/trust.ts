import { basisOf } from "../../schema/basis.ts";
import type { ClassError, Hardware } from "../../schema/hardware.ts";
import { formatPercent } from "../../units.ts";

/** Classes of kernels that a reader of a device's layers asks about first. */
const SHOWN: readonly (readonly [name: string, classes: readonly string[]])[] = [
  ["matmuls", ["matmul forward"]],
  ["attention", ["attention forward", "attention decode"]],
  ["norms", ["norm native", "norm fused"]],
];

/** What a profile rests on and how far it is off: `measured: layers ±1.4%`, `published: matmuls ±6%, ...`. */
export function trustText(hardware: Hardware): string {
  const basis = basisOf(hardware);
  if (basis === "datasheet") return "datasheet only: ideal times";
  const errors = hardware.validation?.length
    ? layersText(hardware)
    : kernelsText(hardware.crossValidation ?? []);
  return errors === "" ? basis : `${basis}: ${errors}`;
}

/** Of the layers that one GPU runs in a graph, which most reports are of. */
function layersText({ validation = [] }: Hardware): string {
  const errors = validation
    .filter(({ runtime, layersWith }) => runtime === "graph" && layersWith === undefined)
    .map(({ medianError }) => medianError);
  if (errors.length === 0) return "";
  const [least, most] = [Math.min(...errors), Math.max(...errors)].map((error) => formatPercent(error));
  return least === most ? `layers ±${least}` : `layers ±${least} to ${most}`;
}

const kernelsText = (known: readonly ClassError[]): string =>
  SHOWN.flatMap(([name, classes]) => {
    const errors = known.filter((one) => classes.includes(one.name)).map(({ medianError }) => medianError);
    return errors.length === 0 ? [] : [`${name} ±${formatPercent(Math.max(...errors))}`];
  }).join(", ");
