/** A node of a document that this file's parser has read. */
export interface XmlElement {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: (XmlElement | string)[];
}

const NAME = "[A-Za-z_][\\w:.-]*";
const ATTRIBUTE = new RegExp(`\\s+(${NAME})="([^"<]*)"`, "y");
const START = new RegExp(`<(${NAME})`, "y");
const END = new RegExp(`</(${NAME})>`, "y");
/** What XML 1.0 forbids. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters in question
const FORBIDDEN = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Cs}/u;

/** A strict reader of the XML that charts use: elements, quoted attributes, texts, five entities. Throws on anything else. */
export function parseXml(text: string): XmlElement {
  if (FORBIDDEN.test(text)) throw new Error(`forbidden character at ${text.search(FORBIDDEN)}`);
  const top: XmlElement = { tag: "", attributes: {}, children: [] };
  const open = [top];
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text);
    if (found !== null) at = pattern.lastIndex;
    return found;
  };
  while (at < text.length) {
    const end = match(END);
    if (end !== null) {
      const closed = open.pop();
      if (closed?.tag !== end[1]) throw new Error(`</${end[1]}> closes <${closed?.tag}> at ${at}`);
      continue;
    }
    const start = match(START);
    if (start !== null) {
      const attributes: Record<string, string> = {};
      for (let one = match(ATTRIBUTE); one !== null; one = match(ATTRIBUTE)) {
        if (Object.hasOwn(attributes, one[1]!)) throw new Error(`${one[1]} twice at ${at}`);
        attributes[one[1]!] = unescaped(one[2]!);
      }
      const made: XmlElement = { tag: start[1]!, attributes, children: [] };
      open.at(-1)!.children.push(made);
      if (text.startsWith("/>", at)) at += 2;
      else if (text[at] === ">") {
        at += 1;
        open.push(made);
      } else throw new Error(`<${made.tag} is not closed at ${at}`);
      continue;
    }
    const next = text.indexOf("<", at + 1);
    const piece = text.slice(at, next < 0 ? text.length : next);
    if (piece.startsWith("<")) throw new Error(`a stray < at ${at}`);
    open.at(-1)!.children.push(unescaped(piece));
    at += piece.length;
  }
  if (open.length !== 1) throw new Error(`<${open.at(-1)!.tag}> is never closed`);
  const roots = top.children.filter((child) => typeof child !== "string");
  const [root] = roots;
  if (root === undefined || roots.length !== 1) throw new Error(`${roots.length} elements at the top`);
  return root;
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#39;": "'",
};

const unescaped = (text: string): string =>
  text.replace(/&[^;\s]*;?/g, (entity) => {
    const character = ENTITIES[entity];
    if (character === undefined) throw new Error(`no such entity: ${entity}`);
    return character;
  });

/** Every element below, itself first. */
export function* elementsOf(root: XmlElement): Generator<XmlElement> {
  yield root;
  for (const child of root.children) if (typeof child !== "string") yield* elementsOf(child);
}

export const textOf = (root: XmlElement): string =>
  root.children.map((child) => (typeof child === "string" ? child : textOf(child))).join("");
