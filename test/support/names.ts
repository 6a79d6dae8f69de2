/** A place in a schema: what may stand there, and whether it has to. */
export interface Name {
  readonly path: string;
  readonly required: boolean;
  readonly types: readonly string[];
  /** the words that it may be, where only some may */
  readonly values: readonly string[];
}

interface Node {
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly items?: Node;
  readonly additionalProperties?: Node | boolean;
  readonly anyOf?: readonly Node[];
  readonly oneOf?: readonly Node[];
}

/** Every place below a node of a JSON Schema: `operators[].bound`; `rows[]{}` is any key of a row. */
export function namesOf(node: Node, path = "", required = true): Name[] {
  const own = alternatives(node);
  const types = own.flatMap(({ type, enum: words, const: word }) =>
    type === undefined ? (words ?? [word]).map((value) => typeof value) : type,
  );
  const values = own.flatMap(({ enum: words, const: word }) => words ?? (word === undefined ? [] : [word]));
  const below = own.flatMap((one) => childrenOf(one, path));
  const sorted = (all: readonly unknown[]) => [...new Set(all.map(String))].sort();
  return [
    ...(path === "" ? [] : [{ path, required, types: sorted(types), values: sorted(values) }]),
    ...below,
  ];
}

const alternatives = (node: Node): Node[] =>
  (node.anyOf ?? node.oneOf ?? []).length === 0
    ? [node]
    : (node.anyOf ?? node.oneOf ?? []).flatMap(alternatives);

function childrenOf(
  { properties = {}, required = [], items, additionalProperties: any }: Node,
  path: string,
) {
  const dot = path === "" ? "" : `${path}.`;
  return [
    ...Object.entries(properties).flatMap(([key, child]) =>
      namesOf(child, `${dot}${key}`, required.includes(key)),
    ),
    ...(items === undefined ? [] : namesOf(items, `${path}[]`)),
    ...(typeof any === "object" ? namesOf(any, `${path}{}`) : []),
  ];
}

/** `operators[].bound!: string = cache | compute`: one line a name, `!` where it is always there. */
export const nameLine = ({ path, required, types, values }: Name): string =>
  `${path}${required ? "!" : ""}: ${types.join(" | ")}${values.length === 0 ? "" : ` = ${values.join(" | ")}`}`;

export function readName(line: string): Name {
  const [, path, required, types, values] = /^(\S+?)(!?): (.+?)(?: = (.+))?$/.exec(line) ?? [];
  if (path === undefined || types === undefined) throw new Error(`not a name: ${line}`);
  return {
    path,
    required: required === "!",
    types: types.split(" | "),
    values: values?.split(" | ") ?? [],
  };
}
