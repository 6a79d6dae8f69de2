import type { Result } from "../../schema/result.ts";
import { IVANOV_2021, isIvanovWorkload, ivanovClasses } from "../../study/operator-classes.ts";
import { type TextbookReading, textbookReading } from "../../study/textbook.ts";
import { formatBytes, formatPercent } from "../../units.ts";
import { shareText, UNKNOWN } from "./figure-text.ts";
import type { TextTable } from "./operator-table.ts";

/** A part of a report: a heading, sentences, perhaps a table between them. */
export interface Section {
  readonly heading: string;
  readonly before: readonly string[];
  readonly table?: TextTable;
  readonly after: readonly string[];
}

/** Sections that only some scenarios call for. */
export function articleSections(result: Result): Section[] {
  return [
    ...(result.scenario.normalization.implementation === "textbook"
      ? [textbookSection(textbookReading(result))]
      : []),
    ...(isIvanovWorkload(result) ? [ivanovSection(result)] : []),
  ];
}

function textbookSection(reading: TextbookReading): Section {
  const { layerNormBytes, rmsNormBytes, savedShareOfNormBytes, savedShareOfTime } = reading;
  return {
    heading: "Where the article's 25% is right, and where it is not",
    before: [
      "Textbook kernels walk memory once for each formula: LayerNorm for mean, variance and result, RMSNorm for mean square and result.",
    ],
    table: {
      columns: [
        { title: "", align: "left" },
        { title: "LayerNorm" },
        { title: "RMSNorm" },
        { title: "RMSNorm saves" },
      ],
      rows: [
        [
          "traffic of the norms (forward)",
          formatBytes(layerNormBytes),
          formatBytes(rmsNormBytes),
          formatPercent(savedShareOfNormBytes),
        ],
        ["runtime of the layer", "", "", shareText(savedShareOfTime)],
      ],
    },
    after: [
      "The first line is the claim's 25%: it holds for the norms' own memory traffic. The second is what it comes to in wall-clock time, where matmuls and attention take the rest.",
    ],
  };
}

function ivanovSection(result: Result): Section {
  const here = ivanovClasses(result);
  return {
    heading: "Beside Ivanov et al. 2021 (table 1), the source of the article's 0.17% and 25.5%",
    before: [
      'The paper\'s class "statistical normalization" is softmax and LayerNorm together, for one BERT-large layer on a V100 in PyTorch of 2020.',
    ],
    table: {
      columns: [
        { title: "class", align: "left" },
        { title: "FLOPs here" },
        { title: "paper" },
        { title: "runtime here" },
        { title: "paper" },
      ],
      rows: here.map((own, index) => [
        own.name,
        formatPercent(own.shareOfFlops),
        formatPercent(IVANOV_2021[index]!.shareOfFlops),
        shareText(own.shareOfTime),
        shareText(IVANOV_2021[index]!.shareOfTime),
      ]),
    },
    after: [differences(result)],
  };
}

/** Why the columns differ, each reason only where it holds for this scenario. */
function differences(result: Result): string {
  const { normalization, statisticalNormalization, scenario } = result;
  const { shareOfTime } = normalization;
  const shares =
    shareOfTime === null
      ? `Softmax's and LayerNorm's shares of the runtime are ${UNKNOWN} here:`
      : `Softmax is ${formatPercent(statisticalNormalization.shareOfTime! - shareOfTime)} and LayerNorm ${formatPercent(shareOfTime)} of the runtime here:`;
  const timing = scenario.hardware.calibration
    ? "Times here are those of tuned kernels"
    : "Times here are datasheet ideals, which no kernel reaches";
  return `${timing}, biases are added in the matmuls' epilogue, and dropout, mask and scaling kernels are not modelled; the paper timed PyTorch of 2020, whose softmax and element-wise kernels ran far from the roofline. ${shares} the two must not be read as one.`;
}
