import { visibleLines } from "../../visible.ts";

/** A picture or a page as plain data: `markup` writes it as text, the page puts it into its document. */
export interface Element {
  readonly tag: string;
  readonly attributes: Attributes;
  readonly children: readonly Child[];
}

export type Child = Element | string;

/** `true` is an attribute without a value; `false` and `undefined` are none. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** Neighbouring texts are one text, and an empty one is none: what a document's parser makes of them too. */
export const element = (
  tag: string,
  attributes: Attributes = {},
  children: readonly Child[] = [],
): Element => ({
  tag,
  attributes,
  children: merged(children),
});

function merged(children: readonly Child[]): readonly Child[] {
  const kept: Child[] = [];
  for (const child of children) {
    const last = kept.at(-1);
    if (typeof child === "string" && typeof last === "string") kept[kept.length - 1] = last + child;
    else if (child !== "") kept.push(child);
  }
  return kept;
}

const ESCAPED: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const escaped = (text: string): string =>
  visibleLines(text).replace(/[&<>"']/g, (character) => ESCAPED[character]!);

/** Elements that HTML knows without an end. */
const VOID = new Set(["input", "meta", "br", "hr", "link"]);

/** Text that is well-formed XML and HTML at once, whatever the names hold. */
export function markup(child: Child): string {
  if (typeof child === "string") return escaped(child);
  const { tag, children } = child;
  const attributes = Object.entries(child.attributes).map(([name, value]) => attribute(name, value));
  const start = `<${tag}${attributes.join("")}`;
  if (VOID.has(tag)) return `${start}/>`;
  return `${start}>${children.map(markup).join("")}</${tag}>`;
}

function attribute(name: string, value: Attributes[string]): string {
  if (value === undefined || value === false) return "";
  return ` ${name}="${value === true ? "" : escaped(attributeText(value))}"`;
}

/** Numbers of a picture to a hundredth of a pixel. */
export const attributeText = (value: string | number): string =>
  typeof value === "number" ? String(Math.round(value * 100) / 100) : value;
