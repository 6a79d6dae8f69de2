/**
 * Of kernels that only frameworks launch, beside those that measurements of operators have: a figure, mostly a ratio,
 * taken from steps of transformers on H200 and held to be the same on other devices until it is measured there.
 */
export const frameworkRatio = (value: number) =>
  ({
    value,
    origin: "assumed",
    source:
      "as in kernels of transformers 5.17 on NVIDIA H200 (measurements/h200-sxm/framework-kernels.jsonl)",
  }) as const;
