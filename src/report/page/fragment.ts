import { type Point, WHAT_IF_FLAGS } from "../../ask/flags.ts";
import { openingState, type PageData, type PageState } from "./data.ts";

/** A view as the end of an address: `#scenario=name&hidden=4096&norm=layernorm:eager`; nothing for the opening one. */
export function fragmentOf(data: PageData, state: PageState): string {
  const opening = openingState(data);
  if (state.scenario === opening.scenario && samePoint(state.point, opening.point)) return "";
  const pairs: [string, string | number | boolean][] = [["scenario", nameOf(data, state.scenario)]];
  for (const { name } of WHAT_IF_FLAGS) {
    const value = state.point[name];
    if (value !== undefined) pairs.push([name, value]);
  }
  return `#${pairs.map(([name, value]) => `${name}=${readable(String(value))}`).join("&")}`;
}

/** Colons and slashes may stand in a fragment as they are. */
const readable = (text: string): string =>
  encodeURIComponent(text).replaceAll("%3A", ":").replaceAll("%2F", "/");

/** The view that an address names; what it does not know is left out, so that old addresses still lead somewhere. */
export function stateOf(data: PageData, fragment: string): PageState {
  const text = fragment.replace(/^#/, "");
  if (text === "") return openingState(data);
  const values = new Map(text.split("&").map(pairOf));
  const name = values.get("scenario");
  const scenario = Math.max(
    0,
    data.scenarios.findIndex((_, index) => nameOf(data, index) === name),
  );
  const point: Record<string, string | number | boolean> = {};
  for (const { name: flag, kind, whole } of WHAT_IF_FLAGS) {
    const value = values.get(flag);
    if (value === undefined) continue;
    if (kind === "words") point[flag] = value;
    else if (kind === "switch") point[flag] = true;
    else if ((whole === true ? /^\d{1,10}$/ : /^\d{1,10}(\.\d{1,10})?$/).test(value))
      point[flag] = Number(value);
  }
  return { scenario, point: point as Point };
}

function pairOf(text: string): readonly [string, string] {
  const at = text.indexOf("=");
  return at < 0 ? [text, ""] : [text.slice(0, at), decoded(text.slice(at + 1))];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Two scenarios of one name are told apart by their place. */
function nameOf({ scenarios }: PageData, index: number): string {
  const { reference } = scenarios[index]!;
  const same = scenarios.findIndex((one) => one.reference === reference);
  return same === index ? reference : `${reference} ${index + 1}`;
}

const samePoint = (a: Point, b: Point): boolean => WHAT_IF_FLAGS.every(({ name }) => a[name] === b[name]);
