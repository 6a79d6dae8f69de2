import type { Point } from "../../ask/flags.ts";
import type { Setting } from "../../ask/set-path.ts";
import type { Claim } from "../../schema/claims.ts";
import type { Hardware } from "../../schema/hardware.ts";
import type { Model } from "../../schema/model.ts";
import type { ScenarioFile } from "../../schema/scenario.ts";
import type { Reach } from "../../study/reach.ts";

/** The article's share of the runtime. */
export const TARGET = 0.25;

/** A scenario that the page was made for: its file, and what the flags of the command changed in it. */
export interface PageScenario {
  /** as the command line names it: a name, a path, or `-` */
  readonly reference: string;
  /** model and hardware are names of the page's lists where they can be */
  readonly file: ScenarioFile;
  /** the model that the file itself names: the command may have put another one in its place */
  readonly own: ScenarioFile["model"];
  readonly point: Point;
  readonly settings: readonly Setting[];
}

/** Everything that a page holds besides the engine. */
export interface PageData {
  readonly version: string;
  readonly scenarios: readonly PageScenario[];
  readonly models: Readonly<Record<string, Model>>;
  readonly devices: Readonly<Record<string, Hardware>>;
  /** answers that take long, for the view that the page opens with */
  readonly opening: SlowAnswers;
}

/** What takes longer than a frame: asked of a worker. */
export interface SlowAnswers {
  readonly claims: readonly Claim[];
  readonly reaches: readonly Reach[];
}

/** A view of the page: which scenario, and the what-if flags on top of it. */
export interface PageState {
  readonly scenario: number;
  readonly point: Point;
}

export const openingState = (data: PageData): PageState => ({
  scenario: 0,
  point: data.scenarios[0]!.point,
});
