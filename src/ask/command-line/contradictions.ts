import { fieldOf, isFlag, WHAT_IF_FLAGS } from "../flags.ts";
import type { Setting } from "../set-path.ts";
import type { FlagTexts } from "./lists.ts";

/** Everything on a command line that gives a field of the scenario a value. */
export interface Typed {
  readonly flags: FlagTexts;
  readonly settings: readonly Setting[];
  /** `--axis` and `--vary`, by their flag or path */
  readonly moved: readonly { readonly name: string; readonly as: string }[];
}

interface GivenField {
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
function inOrder({ flags, settings, moved }: Typed): GivenField[] {
  const fromFlags = WHAT_IF_FLAGS.flatMap(({ name }) =>
    fieldsGiven(name, flags[name]?.split(",") ?? []).map((field) => ({ field, as: `--${name}` })),
  );
  const fromMoved = moved.map(({ name, as }) => ({ name, field: fieldOf(name), as }));
  const isPart = ({ field }: GivenField): boolean => ["model", "hardware", "stack"].includes(field);
  return [
    ...fromFlags.filter(isPart),
    ...settings.filter(namesPart).map(given),
    ...fromFlags.filter((one) => !isPart(one)),
    ...fromMoved.filter(({ name }) => isFlag(name)),
    ...settings.filter((setting) => !namesPart(setting)).map(given),
    ...fromMoved.filter(({ name }) => !isFlag(name)),
  ];
}

/** `--set model=name` is what `--model` says: a name to load, not a value to put there. */
export const namesPart = ({ path, value }: Setting): boolean =>
  path.length === 1 && typeof value === "string" && ["model", "hardware", "stack"].includes(path[0]!);

const given = ({ path }: Setting): GivenField => ({ field: path.join("."), as: `--set ${path.join(".")}` });

/** The fields that a flag or an axis gives values: `--norm rmsnorm:fused` two, `--norm :fused` one of them. */
export function fieldsGiven(name: string, values: readonly string[]): string[] {
  if (values.length === 0) return [];
  if (name !== "norm") return [fieldOf(name)];
  return [
    ...(values.some((value) => !value.trim().startsWith(":")) ? ["normalization.kind"] : []),
    ...(values.some((value) => value.includes(":")) ? ["normalization.implementation"] : []),
  ];
}
