import { trains } from "../schema/phases.ts";
import type { OperatorResult, Result } from "../schema/result.ts";

/** Shares of FLOPs and of time of one of Ivanov et al.'s operator classes (MLSys 2021, table 1). */
export interface ClassShares {
  readonly name: string;
  readonly shareOfFlops: number;
  /** null where the device has no calibration */
  readonly shareOfTime: number | null;
}

/** One BERT-large encoder layer, forward and backward, V100, PyTorch of 2020. */
export const IVANOV_2021: readonly ClassShares[] = [
  { name: "tensor contraction", shareOfFlops: 0.998, shareOfTime: 0.61 },
  { name: "statistical normalization", shareOfFlops: 0.0017, shareOfTime: 0.255 },
  { name: "element-wise", shareOfFlops: 0.0003, shareOfTime: 0.135 },
];

/** The layer's operators in the paper's classes: softmax counts as normalization, all the rest as element-wise. */
export function ivanovClasses({ operators, layer, statisticalNormalization }: Result): ClassShares[] {
  const contractions = operators.filter((operator) => operator.class === "matmul");
  const shareOfFlops = share(contractions, layer.flops, (operator) => operator.flops);
  const shareOfTime = share(contractions, layer.seconds, (operator) => operator.seconds);
  return [
    { name: "tensor contraction", shareOfFlops, shareOfTime },
    { name: "statistical normalization", ...statisticalNormalization },
    {
      name: "element-wise",
      shareOfFlops: Math.max(0, 1 - shareOfFlops - statisticalNormalization.shareOfFlops),
      shareOfTime:
        statisticalNormalization.shareOfTime === null
          ? null
          : Math.max(0, 1 - shareOfTime - statisticalNormalization.shareOfTime),
    },
  ];
}

function share(
  operators: readonly OperatorResult[],
  whole: number,
  amount: (operator: OperatorResult) => number,
): number {
  if (whole === 0) return 0;
  return operators.reduce((sum, operator) => sum + amount(operator), 0) / whole;
}

/** The workload of the paper: a bidirectional model trained with the scores written to memory. */
export const isIvanovWorkload = ({ scenario }: Result): boolean =>
  !scenario.model.causal && trains(scenario.workload.phase) && scenario.kernels.attention === "materialized";
