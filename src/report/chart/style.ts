import { CLASS_LOOKS } from "./classes.ts";

/** Letters of charts, pixels: the widest that a usual sans-serif takes on average at this size. */
export const FONT = { size: 12, letterWidth: 6.7, lineHeight: 15 } as const;

export const FONT_FAMILY = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif";

const INK = {
  light: {
    paper: "#ffffff",
    ink: "#1f2328",
    quiet: "#59636e",
    grid: "#e6e9ed",
    line: "#454c54",
    accent: "#b3261e",
  },
  dark: {
    paper: "#0d1117",
    ink: "#e6edf3",
    quiet: "#9aa4af",
    grid: "#222a33",
    line: "#b7bfc8",
    accent: "#ff9b8f",
  },
} as const;

const variables = (mode: "light" | "dark"): string =>
  [
    ...Object.entries(INK[mode]).map(([name, color]) => `--${name}:${color}`),
    ...Object.entries(CLASS_LOOKS).map(([name, look]) => `--${name}:${look[mode]}`),
    ...SERIES[mode].map((color, index) => `--s${index}:${color}`),
    `--other:${mode === "light" ? "#57606a" : "#a5adb8"}`,
  ].join(";");

/** Colours as variables, so that one picture is right on light and on dark. `scope` is what they hold for. */
export const colorStyle = (scope: string): string =>
  `${scope}{${variables("light")}}@media(prefers-color-scheme:dark){${scope}{${variables("dark")}}}`;

/** Lines of a sweep, after Okabe and Ito as well. */
const SERIES = {
  light: ["#0b6aa8", "#c9480b", "#0a8462", "#a3457e", "#94690a", "#3b82b8", "#57606a", "#7a3db8"],
  dark: ["#5db4ef", "#ff8f4a", "#35c79c", "#e08bbd", "#e3b341", "#a8d3f5", "#a5adb8", "#c39bf2"],
} as const;

const DASHES = ["none", "none", "none", "none", "none", "5 3", "5 3", "5 3"] as const;

const seriesRules = SERIES.light
  .map((_, index) => {
    const color = `var(--s${index})`;
    return `.chart .s${index} .series-line{stroke:${color};stroke-dasharray:${DASHES[index]}}.chart .s${index} .series-mark{fill:${color}}.chart .series-name.s${index}{fill:${color};font-weight:600}`;
  })
  .join("");

const classRules = Object.keys(CLASS_LOOKS)
  .map((name) => `.chart .c-${name}{fill:var(--${name})}`)
  .join("");

/** How the parts of a chart look. */
export const CHART_STYLE = `
.chart text{font:${FONT.size}px ${FONT_FAMILY};fill:var(--ink)}
.chart .quiet,.chart .tick{fill:var(--quiet)}
.chart .title{font-size:16px;font-weight:600}
.chart .subtitle{font-size:13px}
.chart .heading{font-size:13px;font-weight:600}
.chart .strong{font-weight:600}
.chart .grid{stroke:var(--grid);stroke-width:1;fill:none}
.chart .axis{stroke:var(--quiet);stroke-width:1;fill:none}
.chart .limit{stroke:var(--line);stroke-width:1;fill:none;opacity:.55}
.chart .limit.main{stroke-width:1.8;opacity:1}
.chart .limit.achievable{stroke-dasharray:6 4}
.chart .pin{stroke:var(--quiet);stroke-width:.75;fill:none}
.chart .leader{stroke:var(--quiet);stroke-width:.75;fill:none}
.chart .ridge{fill:var(--paper);stroke:var(--line);stroke-width:1.5}
.chart .halo{stroke:var(--paper);stroke-width:3;stroke-linejoin:round;paint-order:stroke}
.chart .mark{fill:var(--other);stroke:var(--paper);stroke-width:1.25;fill-opacity:.92}
.chart .series-line{fill:none;stroke-width:1.8;stroke-linejoin:round}
${seriesRules}
${classRules}
`.replaceAll("\n", "");
