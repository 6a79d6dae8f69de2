import { attributeText, type Child, type Element as Tree } from "../report/chart/tree.ts";
import { visibleLines } from "../visible.ts";

const SVG = "http://www.w3.org/2000/svg";

/** A tree as nodes of the document. Texts stay texts, whatever they hold. */
export function create(child: Child, isSvg: boolean): Node {
  if (typeof child === "string") return document.createTextNode(visibleLines(child));
  const inside = isSvg || child.tag === "svg";
  const made = inside ? document.createElementNS(SVG, child.tag) : document.createElement(child.tag);
  for (const [name, value] of Object.entries(child.attributes)) setAttribute(made, name, value);
  for (const one of child.children) made.append(create(one, inside));
  return made;
}

/** Makes the children of a node, which show `before`, show `after`: what did not change is not touched. */
export function patchChildren(
  parent: Node,
  before: readonly Child[],
  after: readonly Child[],
  isSvg = false,
): void {
  if (after.length > 0 && after.every(hasKey) && before.every(hasKey))
    patchKeyed(parent, before, after, isSvg);
  else patchInPlace(parent, before, after, isSvg);
}

type Keyed = Tree;

const keyOf = (child: Keyed): string => String(child.attributes["data-key"]);
const hasKey = (child: Child): child is Keyed =>
  typeof child !== "string" && child.attributes["data-key"] !== undefined;

function patchInPlace(parent: Node, before: readonly Child[], after: readonly Child[], isSvg: boolean): void {
  while (parent.childNodes.length > after.length) parent.lastChild!.remove();
  after.forEach((child, index) => {
    const node = parent.childNodes[index];
    if (node === undefined) parent.appendChild(create(child, isSvg));
    else patchNode(node as ChildNode, before[index]!, child, isSvg);
  });
}

/** Nodes follow their key: a dot that moves is the same dot. */
function patchKeyed(parent: Node, before: readonly Keyed[], after: readonly Keyed[], isSvg: boolean): void {
  const known = new Map(
    before.map((child, index) => [keyOf(child), { child, node: parent.childNodes[index]! }]),
  );
  after.forEach((child, index) => {
    const old = known.get(keyOf(child));
    const here = parent.childNodes[index] ?? null;
    if (old === undefined) {
      parent.insertBefore(create(child, isSvg), here);
      return;
    }
    known.delete(keyOf(child));
    if (old.node !== here) parent.insertBefore(old.node, here);
    patchNode(old.node, old.child, child, isSvg);
  });
  for (const { node } of known.values()) node.remove();
}

function patchNode(node: ChildNode, before: Child, after: Child, isSvg: boolean): void {
  if (before === after) return;
  if (typeof before === "string" || typeof after === "string" || before.tag !== after.tag) {
    if (typeof before === "string" && typeof after === "string") node.nodeValue = visibleLines(after);
    else node.replaceWith(create(after, isSvg));
    return;
  }
  patchAttributes(node as unknown as Element, before, after);
  patchChildren(node, before.children, after.children, isSvg || after.tag === "svg");
}

function patchAttributes(node: Element, before: Tree, after: Tree): void {
  for (const [name, value] of Object.entries(after.attributes))
    if (before.attributes[name] !== value || isLive(name)) setAttribute(node, name, value);
  for (const name of Object.keys(before.attributes))
    if (!(name in after.attributes)) node.removeAttribute(name);
}

/** What the reader changes too: the document's own state is what counts, not what was last written. */
const isLive = (name: string): boolean => name === "value" || name === "selected";

function setAttribute(node: Element, name: string, value: Tree["attributes"][string]): void {
  if (name === "transform" && node.classList.contains("dot")) {
    // a style moves smoothly where an attribute would jump
    (node as SVGElement).style.transform = String(value).replace(/([\d.]+),([\d.]+)/, "$1px,$2px");
    return;
  }
  if (name === "value" && node instanceof HTMLInputElement) {
    setValue(node, attributeText(value as string | number));
    return;
  }
  if (name === "selected" && node instanceof HTMLOptionElement) {
    if (node.selected !== value) node.selected = value === true;
    return;
  }
  if (value === undefined || value === false) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : visibleLines(attributeText(value)));
}

/** Not under the reader's fingers: what is being typed stays as it is. */
function setValue(node: HTMLInputElement, value: string): void {
  const isTyped = node.type === "number" && node === document.activeElement;
  if (!isTyped && node.value !== value) node.value = value;
}
