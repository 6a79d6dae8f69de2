import { WHAT_IF_FLAGS } from "./flags.ts";
import type { FlagTexts } from "./points.ts";
import type { Setting } from "./set-path.ts";
import { fieldOf, isFlag, namesPart } from "./space.ts";

/** Everything on a command line that gives a field of the scenario a value. */
export interface Typed {
  readonly flags: FlagTexts;
  readonly sequenceParallel: boolean;
  readonly settings: readonly Setting[];
  /** `--axis` and `--vary`, by their flag or path */
  readonly moved: readonly { readonly name: string; readonly as: string }[];
}

interface Given {
  readonly field: string;
  readonly as: string;
}

/**
 * Values that another one on the same command line replaces: of two for one field, one would be without effect. A
 * field within another one's is a refinement: `--model x --set model.hidden=4096`.
 */
export function contradictions(typed: Typed): string[] {
  const all = inOrder(typed);
  return all.flatMap(({ field, as }, index) => {
    const later = all
      .slice(index + 1)
      .find((other) => field === other.field || field.startsWith(`${other.field}.`));
    if (later === undefined) return [];
    return [as === later.as ? `${as} is given twice` : `${as}: ${later.as} gives ${field} a value too`];
  });
}

/** In the order in which they are put into the scenario: first what names a whole model or profile. */
function inOrder({ flags, sequenceParallel, settings, moved }: Typed): Given[] {
  const named = settings.filter(namesPart);
  const others = settings.filter((setting) => !namesPart(setting));
  const fromFlags = WHAT_IF_FLAGS.flatMap(({ name }) =>
    fieldsGiven(name, flags[name]?.split(",") ?? []).map((field) => ({ field, as: `--${name}` })),
  );
  const fromMoved = moved.map(({ name, as }) => ({ name, field: fieldOf(name), as }));
  const isPart = ({ field }: Given): boolean => field === "model" || field === "hardware";
  return [
    ...fromFlags.filter(isPart),
    ...named.map(given),
    ...fromFlags.filter((one) => !isPart(one)),
    ...(sequenceParallel ? [{ field: "parallelism.sequenceParallel", as: "--sequence-parallel" }] : []),
    ...fromMoved.filter(({ name }) => isFlag(name)),
    ...others.map(given),
    ...fromMoved.filter(({ name }) => !isFlag(name)),
  ];
}

const given = ({ path }: Setting): Given => ({ field: path.join("."), as: `--set ${path.join(".")}` });

/** The fields that a flag or an axis gives values: `--norm rmsnorm:fused` two, `--norm :fused` one of them. */
export function fieldsGiven(name: string, values: readonly string[]): string[] {
  if (values.length === 0) return [];
  if (name !== "norm") return [fieldOf(name)];
  return [
    ...(values.some((value) => !value.trim().startsWith(":")) ? ["normalization.kind"] : []),
    ...(values.some((value) => value.includes(":")) ? ["normalization.implementation"] : []),
  ];
}
