import { CHART_STYLE, colorStyle } from "./style.ts";
import { type Element, element, markup } from "./tree.ts";

/** A part of a picture below the others. */
export interface Block {
  readonly height: number;
  readonly parts: readonly Element[];
}

/** A whole SVG file: blocks from top to bottom on paper of their own, with a title for who cannot see it. */
export function svgDocument(
  title: string,
  description: string,
  width: number,
  blocks: readonly Block[],
): string {
  let y = PADDING;
  const groups = blocks.map(({ height, parts }) => {
    const group = element("g", { transform: `translate(${PADDING},${y})` }, parts);
    y += height;
    return group;
  });
  const full = { width: width + 2 * PADDING, height: Math.ceil(y + PADDING) };
  const svg = element(
    "svg",
    {
      xmlns: "http://www.w3.org/2000/svg",
      viewBox: `0 0 ${full.width} ${full.height}`,
      ...full,
      class: "chart",
      role: "img",
      "aria-labelledby": "chart-title chart-description",
    },
    [
      element("title", { id: "chart-title" }, [title]),
      element("desc", { id: "chart-description" }, [description]),
      STYLE,
      element("rect", { width: "100%", height: "100%", fill: "var(--paper)" }),
      ...groups,
    ],
  );
  return `${markup(svg).replace(STYLE_PLACE, `<style>${colorStyle(".chart")}${CHART_STYLE}</style>`)}\n`;
}

const PADDING = 20;

/** Style sheets are written as they are: they hold no name, and HTML reads no entity in them. */
const STYLE = element("style");
const STYLE_PLACE = markup(STYLE);
