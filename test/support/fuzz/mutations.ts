import fc from "fast-check";
import { oddNumber, oddTree, oddWord, size } from "./odd.ts";
import { type Entries, nodesOf, replaced, type Tree, token } from "./tree.ts";

/** A change of a JSON tree at some place; which one is a number that every tree has a place for. */
export type Mutation = (tree: Tree) => Tree;

type Change = (key: string, value: Tree, all: readonly Tree[]) => Entries;

const at =
  (place: number, among: (node: Tree) => boolean, change: Change): Mutation =>
  (tree) => {
    const all = nodesOf(tree);
    const places = all.filter(among);
    const node = places[place % Math.max(1, places.length)];
    return node === undefined ? tree : replaced(tree, node, (key, value) => change(key, value, all));
  };

const anywhere = (): boolean => true;
const isNumber = (node: Tree): boolean => node.kind === "token" && /^-?\d/.test(node.text);
const isText = (node: Tree): boolean => node.kind === "token" && node.text.startsWith('"');

const place = fc.nat({ max: 1_000_000 });

const mutations: Readonly<Record<string, fc.Arbitrary<Mutation>>> = {
  number: fc
    .tuple(place, oddNumber)
    .map(([where, number]) => at(where, isNumber, (key) => [[key, token(number)]])),
  size: fc.tuple(place, size).map(([where, whole]) => at(where, isNumber, (key) => [[key, token(whole)]])),
  factor: fc
    .tuple(place, fc.constantFrom(-1, 0.5, 2, 3, 10, 1e3, 1e6, 1e-3, 1e-9))
    .map(([where, factor]) => at(where, isNumber, (key, value) => [[key, scaled(value, factor)]])),
  text: fc
    .tuple(place, oddWord)
    .map(([where, word]) => at(where, isText, (key) => [[key, token(JSON.stringify(word))]])),
  value: fc.tuple(place, oddTree).map(([where, tree]) => at(where, anywhere, (key) => [[key, tree]])),
  removed: place.map((where) => at(where, anywhere, () => [])),
  twice: place.map((where) =>
    at(where, anywhere, (key, value) => [
      [key, value],
      [key, value],
    ]),
  ),
  renamed: fc
    .tuple(place, oddWord)
    .map(([where, word]) => at(where, anywhere, (_, value) => [[word, value]])),
  added: fc.tuple(place, oddWord, oddTree).map(([where, word, tree]) =>
    at(where, anywhere, (key, value) => [
      [key, value],
      [word, tree],
    ]),
  ),
  wrapped: place.map((where) =>
    at(where, anywhere, (key, value) => [[key, { kind: "list", items: [value] }]]),
  ),
  moved: fc
    .tuple(place, place)
    .map(([where, from]) => at(where, anywhere, (key, _, all) => [[key, all[from % all.length]!]])),
};

const scaled = (node: Tree, factor: number): Tree =>
  node.kind === "token" ? token(String(Number(node.text) * factor)) : node;

/** Mutations that leave most files valid come more often, so that there is something to compute. */
const WEIGHTS: Readonly<Record<string, number>> = { size: 8, factor: 5, number: 4, text: 2 };

const mutation = fc.oneof(
  ...Object.entries(mutations).map(([name, arbitrary]) => ({ weight: WEIGHTS[name] ?? 1, arbitrary })),
);

/** The tree with a few mutations, one after the other. */
export const mutated = (tree: fc.Arbitrary<Tree>): fc.Arbitrary<Tree> =>
  fc
    .tuple(tree, fc.array(mutation, { maxLength: 4 }))
    .map(([first, changes]) => changes.reduce((changed, change) => change(changed), first));
