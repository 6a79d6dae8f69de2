import type { Basis } from "../../schema/basis.ts";
import type { Parameter } from "../../schema/calibration.ts";
import { layerIntensity } from "../../schema/operator-sums.ts";
import { parametersOf } from "../../schema/parameters.ts";
import { peakFlopsFor } from "../../schema/peaks.ts";
import { PHASE_FACTS } from "../../schema/phases.ts";
import type { Bound, Result } from "../../schema/result.ts";
import { NORM_NAMES } from "../../schema/vocabulary.ts";
import { type TextbookReading, textbookReading } from "../../study/textbook.ts";
import {
  formatByteRate,
  formatFlopRate,
  formatIntensity,
  formatPercent,
  formatSeconds,
  formatUsd,
  fourDigits,
  plural,
  significant,
} from "../../units.ts";
import { visible } from "../../visible.ts";
import { UNKNOWN } from "./figure-text.ts";
import { kernelsText } from "./scenario-text.ts";

/** The layer as a whole in a few sentences: what it waits for, the roofline's corner, how well it is used. */
export function layerFacts(result: Result): string[] {
  return [
    `Given: ${kernelsText(result.scenario)}.`,
    `Time by bound: ${boundsText(result)}.`,
    ridgeText(result),
    utilizationText(result),
  ];
}

/** Share of the layer's time under each bound, largest first. */
function timeByBound({ operators, layer }: Result): [Bound, number][] {
  const seconds = new Map<Bound, number>();
  for (const operator of operators)
    seconds.set(operator.bound, (seconds.get(operator.bound) ?? 0) + operator.seconds);
  const whole = layer.seconds || 1;
  return [...seconds]
    .map(([bound, time]): [Bound, number] => [bound, time / whole])
    .sort((a, b) => b[1] - a[1]);
}

const boundsText = (result: Result): string =>
  timeByBound(result)
    .map(([bound, share]) => `${bound} ${formatPercent(share)}`)
    .join(", ");

function ridgeText({ scenario, layer }: Result): string {
  const { hardware, precision } = scenario;
  const type = precision.activations;
  const peak = peakFlopsFor(hardware, type);
  const ridge = formatIntensity(peak / hardware.hbmBytesPerSecond);
  const own = formatIntensity(layerIntensity(layer));
  return `Ridge point: ${ridge} FLOP/B (${type} ${formatFlopRate(peak)} over ${formatByteRate(hardware.hbmBytesPerSecond)}); the layer as a whole has ${own} FLOP/B.`;
}

function utilizationText({ layer, scenario }: Result): string {
  const used = `Used: ${formatPercent(layer.hardwareFlopsUtilization)} of peak FLOP/s, ${formatPercent(layer.bandwidthUtilization)} of peak bandwidth.`;
  const times = scenario.hardware.calibration
    ? `Layer ${formatSeconds(layer.seconds)} calibrated, ${formatSeconds(layer.idealSeconds)} by the datasheet's roofline.`
    : `Layer ${formatSeconds(layer.seconds)} by the datasheet's roofline.`;
  return `${used} ${times}`;
}

/** A step of the whole model: what it takes, holds and costs. */
export function wholeModelText(result: Result): string {
  const { wholeModel, scenario } = result;
  const { layers, seconds, tokensPerSecond, gpus, hardwareFlopsUtilization } = wholeModel;
  const what = PHASE_FACTS[scenario.workload.phase].stepTitle;
  const on = gpus === 1 ? "" : ` on ${gpus} GPUs`;
  return `${scenario.model.name} with its ${plural(layers, "layer")}${on}: ${what} ${formatSeconds(seconds)}, ${significant(tokensPerSecond)} tokens/s, ${formatPercent(hardwareFlopsUtilization)} of peak FLOP/s (${stepParts(result)}).`;
}

/** Where a step's time goes besides the layers. */
function stepParts({ wholeModel, scenario }: Result): string {
  const { layersSeconds, embeddingSeconds, finalNormSeconds, headSeconds, optimizerSeconds } = wholeModel;
  const kinds = wholeModel.kinds?.map(({ name, layers }) => `${layers} ${visible(name)}`).join(", ");
  const accumulated = scenario.training?.gradientAccumulation ?? 1;
  const parts: [string, number][] = [
    [kinds === undefined ? "layers" : `layers (${kinds})`, layersSeconds],
    ["embedding", embeddingSeconds],
    ["final norm", finalNormSeconds],
    ["output head", headSeconds],
    ["optimizer", optimizerSeconds],
  ];
  const shown = parts.filter(([, seconds]) => seconds > 0).map(([name, s]) => `${name} ${formatSeconds(s)}`);
  return accumulated === 1 ? shown.join(", ") : `${shown.join(", ")}; ${accumulated} batches a step`;
}

/** Money and energy of the step, with what the simulator assumed of them; nothing where the profile says neither. */
export function costText({ cost, scenario }: Result): string[] {
  const { gpuHourUsd, usdPerMillionTokens, boardPowerWatts, joulesPerToken, swapped } = cost;
  const parts: string[] = [];
  const after = (amount: number | undefined, text: (amount: number) => string): string =>
    swapped === undefined || amount === undefined ? "" : `, ${text(amount)} with ${NORM_NAMES[swapped.kind]}`;
  if (usdPerMillionTokens !== undefined)
    parts.push(
      `${formatUsd(usdPerMillionTokens)} per million tokens${after(swapped?.usdPerMillionTokens, formatUsd)} (GPUs at $${gpuHourUsd} an hour: ${scenario.hardware.gpuHourUsd!.source})`,
    );
  if (joulesPerToken !== undefined)
    parts.push(
      `${fourDigits(joulesPerToken)} J per token${after(swapped?.joulesPerToken, fourDigits)} (at the board's ${boardPowerWatts} W)`,
    );
  return parts.length === 0 ? [] : [`Cost: ${parts.join(", ")}.`];
}

/** Where the calibrated times come from: how many parameters of the profile are measured, published, ... */
export function calibrationText({ scenario }: Result): string[] {
  const { calibration, name } = scenario.hardware;
  // the engine's own warning says so
  if (calibration === undefined) return [];
  const counts = new Map<Parameter["origin"], number>();
  for (const [, { origin }] of parametersOf(calibration)) counts.set(origin, (counts.get(origin) ?? 0) + 1);
  const order = ["measured", "published", "transferred", "assumed"] as const;
  const parts = order
    .filter((origin) => counts.has(origin))
    .map((origin) => `${counts.get(origin)} ${origin}`);
  return [`Calibration of ${name}: ${parts.join(", ")} parameters.`];
}

/** What the errors of kernels on a device without measured layers are from. */
const BASIS_TEXT: Readonly<Record<Basis, string>> = {
  measured: "measurements of this device",
  published: "figures that others published of this device",
  transferred: "another device, carried over to this one",
  datasheet: "the datasheet",
};

/** How far such a layer's prediction was off where it was measured, else how far its kernels are off. */
export function typicalErrorText({
  typicalError,
  confidence: { layerError, basis },
}: Pick<Result, "typicalError" | "confidence">): string[] {
  if (typicalError === null)
    return layerError === undefined
      ? []
      : [
          `Error of the layer: ±${formatPercent(layerError)} by the errors of its kernels; the laws rest on ${BASIS_TEXT[basis]}.`,
        ];
  const { layer, shareOfTime, layers } = typicalError;
  return [
    `Typical error of this profile here: ±${formatPercent(layer)} of the layer, ±${significant(100 * shareOfTime)} points of the share (median over ${plural(layers, "measured layer")} that it was not fitted on).`,
  ];
}

/** A sentence below a report. */
interface ClosingFact {
  readonly text: string;
  readonly isWarning: boolean;
}

/** What stands below a report: the whole model, what the calibration is made of, what to know, the article's reading. */
export function closingFacts(result: Result): ClosingFact[] {
  const plain = (text: string): ClosingFact => ({ text, isWarning: false });
  return [
    ...[wholeModelText(result), ...costText(result), ...calibrationText(result)].map(plain),
    ...result.warnings.map((text) => ({ text, isWarning: true })),
    plain(articleText(textbookReading(result))),
  ];
}

/** Under which reading the article's 25% is right, and what that comes to here. */
export function articleText(reading: TextbookReading): string {
  const { savedShareOfNormBytes, savedShareOfTime } = reading;
  const fewer = `The article's 25%: with textbook multi-pass kernels RMSNorm moves ${formatPercent(savedShareOfNormBytes)} fewer bytes in the norms themselves`;
  if (savedShareOfTime === null) return `${fewer}; what that saves of this layer's runtime is ${UNKNOWN}.`;
  const verb = savedShareOfTime < 0 ? "costs" : "saves";
  return `${fewer}; that ${verb} ${formatPercent(Math.abs(savedShareOfTime))} of this layer's runtime.`;
}
