import type { Child } from "../report/chart/tree.ts";
import { commandLine, scenarioJson } from "../report/page/command.ts";
import type { PageData, PageState } from "../report/page/data.ts";
import { PAGE_IDS } from "../report/page/document.ts";
import { fragmentOf, stateOf } from "../report/page/fragment.ts";
import type { PageModel } from "../report/page/model.ts";
import { nextSort } from "../report/page/operator-view.ts";
import { pageView } from "../report/page/view.ts";
import { goTo, withControl, withSlider } from "./changes.ts";
import { copy } from "./copy.ts";
import { evaluate, openingModel, shareCurves } from "./evaluate.ts";
import { create, patchChildren } from "./patch.ts";
import { answerSlowly, slowAsker, type ThreadScope } from "./slow.ts";
import { followDots } from "./tip.ts";

if (typeof document === "undefined") answerSlowly(self as unknown as ThreadScope);
else {
  const code = document.currentScript?.textContent ?? "";
  // what the file draws is seen before the engine starts
  requestAnimationFrame(() => setTimeout(() => startPage(code)));
}

/** What a frame leaves to a script, milliseconds. */
const FRAME_MS = 12;
const PAUSE_MS = 90;

/** The page comes to life: controls move the state, the state is computed and drawn, the address follows. */
function startPage(code: string): void {
  const data = JSON.parse(document.getElementById(PAGE_IDS.data)!.textContent) as PageData;
  const root = document.getElementById(PAGE_IDS.root)!;
  let model: PageModel = { ...openingModel(data), width: chartWidth(root) };
  let shown: readonly Child[] = pageView(model);
  root.replaceChildren(...shown.map((child) => create(child, false)));

  const draw = (next: PageModel): void => {
    model = next;
    const view = pageView(model);
    patchChildren(root, shown, view);
    shown = view;
  };

  const askSlowly = slowAsker(data, code, (slow) => draw({ ...model, slow, isPending: false }));

  let isWaiting = false;
  let curvesMs = 0;
  const drawSoon = (): void => {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      recompute();
    });
  };

  /** The headline, the chart and the table at once; curves over many layers after the next frame. */
  const recompute = (): void => {
    const start = performance.now();
    const { state } = model;
    const { result, problems } = evaluate(data, state);
    if (result === undefined) draw({ ...model, problems });
    else {
      draw({ ...model, shown: state, result, problems: [], isPending: true });
      showAddress(state);
    }
    performance.measure("recompute", { start });
    // curves that take long wait until the reader pauses
    if (result !== undefined) setTimeout(() => drawCurves(state), curvesMs > FRAME_MS ? PAUSE_MS : 0);
  };

  const drawCurves = (state: PageState): void => {
    if (model.shown !== state) return;
    const start = performance.now();
    draw({ ...model, curves: shareCurves(data, state) });
    curvesMs = performance.measure("curves", { start }).duration;
    askSlowly(state);
  };

  /** Of what is shown: a field that is being typed has no address, and no command. */
  const showAddress = (shown: PageState): void => {
    const fragment = fragmentOf(data, shown);
    history.replaceState(null, "", fragment === "" ? location.pathname + location.search : fragment);
  };

  const go = (state: PageState): void => {
    model = { ...model, state };
    drawSoon();
  };

  root.addEventListener("input", ({ target }) => {
    if (!(target instanceof HTMLInputElement || target instanceof HTMLSelectElement)) return;
    const { control, slider } = target.dataset;
    if (slider !== undefined) go(withSlider(data, usable(model), slider, Number(target.value)));
    else if (control !== undefined) go(withControl(data, usable(model), control, target.value));
  });

  root.addEventListener("submit", (event) => event.preventDefault());

  root.addEventListener("click", (event) => {
    const { target } = event;
    if (target instanceof Element && target.closest(".skip") !== null) {
      // the address holds the view, not a place on the page
      event.preventDefault();
      document.getElementById("main-controls")!.focus();
      return;
    }
    const button = target instanceof Element ? target.closest<HTMLElement>("button") : null;
    if (button === null) return;
    const { action, sort, hidden, norm } = button.dataset;
    if (sort !== undefined) draw({ ...model, sort: nextSort(model.sort, sort) });
    else if (action === "go") go(goTo(data, usable(model), Number(hidden), norm!));
    else if (action === "reset") go(stateOf(data, ""));
    else if (action !== undefined) void copied(action, data, model);
  });

  window.addEventListener("hashchange", () => go(stateOf(data, location.hash)));
  new ResizeObserver(() => {
    const width = chartWidth(root);
    if (width !== model.width) draw({ ...model, width });
  }).observe(root);
  followDots(root);
  if (location.hash !== "") go(stateOf(data, location.hash));
  root.dataset["ready"] = "";
}

/** Changes start from a view that can be computed: names that an address made up lead nowhere. */
const usable = ({ data, state }: PageModel): PageState => {
  const { point } = state;
  const known = (name: "model" | "hardware", list: object): boolean =>
    point[name] === undefined || Object.hasOwn(list, point[name]);
  return known("model", data.models) && known("hardware", data.devices)
    ? state
    : { ...state, point: data.scenarios[state.scenario]!.point };
};

/** Pixels that a chart's column has. */
function chartWidth(root: HTMLElement): number {
  const column = root.querySelector(".pictures");
  return Math.max(300, Math.round(column?.clientWidth ?? root.clientWidth));
}

async function copied(action: string, data: PageData, model: PageModel): Promise<void> {
  const texts: Readonly<Record<string, () => readonly [what: string, text: string]>> = {
    "copy-command": () => ["The command", commandLine(data, model.shown)],
    "copy-scenario": () => ["The scenario", scenarioJson(data, model.result)],
    "copy-link": () => ["The link", location.href],
  };
  const found = texts[action]?.();
  if (found === undefined) return;
  const [what, text] = found;
  const status = document.getElementById("copied")!;
  status.textContent = (await copy(text))
    ? `${what} is on the clipboard.`
    : "This browser does not let the page copy.";
}
