/** JSON as it is written, so that a key may stand there twice and a number need not fit into a double. */
export type Tree =
  | { readonly kind: "object"; readonly entries: readonly (readonly [key: string, value: Tree])[] }
  | { readonly kind: "list"; readonly items: readonly Tree[] }
  | { readonly kind: "token"; readonly text: string };

export const token = (text: string): Tree => ({ kind: "token", text });

export function treeOf(value: unknown): Tree {
  if (Array.isArray(value)) return { kind: "list", items: value.map(treeOf) };
  if (typeof value !== "object" || value === null) return token(JSON.stringify(value) ?? "null");
  return { kind: "object", entries: Object.entries(value).map(([key, child]) => [key, treeOf(child)]) };
}

export function textOf(tree: Tree): string {
  switch (tree.kind) {
    case "token":
      return tree.text;
    case "list":
      return `[${tree.items.map(textOf).join(",")}]`;
    case "object":
      return `{${tree.entries.map(([key, value]) => `${JSON.stringify(key)}:${textOf(value)}`).join(",")}}`;
  }
}

const childrenOf = (tree: Tree): readonly Tree[] => {
  if (tree.kind === "token") return [];
  return tree.kind === "list" ? tree.items : tree.entries.map(([, value]) => value);
};

/** The node itself and everything below it. */
export const nodesOf = (tree: Tree): Tree[] => [tree, ...childrenOf(tree).flatMap(nodesOf)];

/** The tree with one of its nodes, found by identity, replaced by none, one or several. */
export function replaced(tree: Tree, node: Tree, by: (key: string, value: Tree) => Entries): Tree {
  if (tree === node) return by("", tree)[0]?.[1] ?? token("null");
  switch (tree.kind) {
    case "token":
      return tree;
    case "list": {
      const items = tree.items.flatMap((item) =>
        item === node ? by("", item).map(([, value]) => value) : [replaced(item, node, by)],
      );
      return { kind: "list", items };
    }
    case "object": {
      const entries = tree.entries.flatMap(
        ([key, value]): Entries => (value === node ? by(key, value) : [[key, replaced(value, node, by)]]),
      );
      return { kind: "object", entries };
    }
  }
}

export type Entries = readonly (readonly [key: string, value: Tree])[];
