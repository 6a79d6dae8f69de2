import { type Element, element, markup } from "../chart/tree.ts";
import type { PageModel } from "./model.ts";
import { PAGE_STYLE } from "./style.ts";
import { pageView } from "./view.ts";

/** Ids that the page's script looks for. */
export const PAGE_IDS = { root: "page", data: "page-data", tip: "tip" } as const;

/** The page's script and what makes a browser run that and nothing else. */
export interface PageScript {
  readonly code: string;
  /** the digest of a text as a Content-Security-Policy names it: `sha256-...` */
  readonly digest: (text: string) => string;
}

/** One file that needs no network: the opening view drawn, the data and the engine behind it. */
export function pageDocument(model: PageModel, script: PageScript): string {
  const policy = [
    "default-src 'none'",
    `script-src '${script.digest(script.code)}'`,
    `style-src '${script.digest(PAGE_STYLE)}'`,
    "worker-src blob:",
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  const head = [
    element("meta", { charset: "utf-8" }),
    element("meta", { "http-equiv": "Content-Security-Policy", content: policy }),
    element("meta", { name: "viewport", content: "width=device-width, initial-scale=1" }),
    element("meta", { name: "referrer", content: "no-referrer" }),
    element("title", {}, [`Normalization under the roofline: ${model.result.scenario.model.name}`]),
  ];
  const root = element("div", { id: PAGE_IDS.root }, pageView(model));
  return [
    "<!doctype html>",
    `<html lang="en"><head>${head.map(markup).join("")}<style>${PAGE_STYLE}</style></head>`,
    `<body>${markup(root)}${markup(tip)}`,
    `<script type="application/json" id="${PAGE_IDS.data}">${scriptJson(model.data)}</script>`,
    `<script>${script.code}</script></body></html>`,
    "",
  ].join("\n");
}

const tip: Element = element("div", { id: PAGE_IDS.tip, hidden: true, "aria-hidden": "true" });

/** JSON that no parser of HTML takes for the end of its script. */
export const scriptJson = (value: unknown): string =>
  JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
