/** A passage of the target, in order of the parameter's values. */
interface Passage {
  /** the first value on the other side */
  readonly value: number;
  readonly direction: "rising" | "falling";
}

/** Results jump where tiles do: more passages than this tell a reader nothing. */
const MOST_SHOWN = 4;

/** The stretches in which the target is reached, from each rise to the fall behind it: `below hidden 2752`. */
export function stretches(parameter: string, passages: readonly Passage[]): string[] {
  const all = passages.flatMap(({ value, direction }, index) => {
    const next = passages[index + 1];
    if (direction === "rising")
      return next?.direction === "falling"
        ? [`from ${parameter} ${value} to below ${next.value}`]
        : [`from ${parameter} ${value} on`];
    return passages[index - 1]?.direction === "rising" ? [] : [`below ${parameter} ${value}`];
  });
  return all.length > MOST_SHOWN ? [...all.slice(0, MOST_SHOWN), "and so on"] : all;
}
