import type { Result } from "../../schema/result.ts";
import type { ShareCurve } from "../../study/reach.ts";
import type { PageData, PageState, SlowAnswers } from "./data.ts";
import type { Sort } from "./operator-view.ts";

/** All that a picture of the page depends on. Plain data: the same in the command and in the browser. */
export interface PageModel {
  readonly data: PageData;
  /** what the controls say */
  readonly state: PageState;
  /** the last state that gave a layer: what the page shows, the address holds and the command prints */
  readonly shown: PageState;
  /** its result */
  readonly result: Result;
  /** why the controls as they stand give no layer */
  readonly problems: readonly string[];
  /** drawn a moment after the headline, the chart and the table */
  readonly curves: readonly ShareCurve[];
  readonly slow: SlowAnswers;
  /** the slow answers are still those of the view before */
  readonly isPending: boolean;
  readonly sort: Sort;
  /** pixels that a chart may take */
  readonly width: number;
}
