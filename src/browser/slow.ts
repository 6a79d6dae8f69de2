import type { PageData, PageState, SlowAnswers } from "../report/page/data.ts";
import { slowAnswers } from "./evaluate.ts";

interface Question {
  readonly data?: PageData;
  readonly state?: PageState;
}

/** Asks for what takes longer than a frame; only the last question is answered. */
export type Ask = (state: PageState) => void;

/** A thread that runs this same script; where a browser allows none, the page waits a moment itself. */
export function slowAsker(data: PageData, code: string, answer: (answers: SlowAnswers) => void): Ask {
  const address = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
  let worker: Worker | undefined;
  let isBusy = false;
  let last: PageState | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const start = (): Worker => {
    const made = new Worker(address);
    made.onmessage = ({ data: answers }: MessageEvent<SlowAnswers>) => {
      isBusy = false;
      answer(answers);
    };
    made.onerror = () => {
      isBusy = false;
      worker = undefined;
      if (last !== undefined) answer(slowAnswers(data, last));
    };
    made.postMessage({ data } satisfies Question);
    return made;
  };
  const ask = (state: PageState): void => {
    try {
      // an answer that nobody waits for any more is not waited for
      if (isBusy) worker?.terminate();
      if (worker === undefined || isBusy) worker = start();
      isBusy = true;
      last = state;
      worker.postMessage({ state } satisfies Question);
    } catch {
      answer(slowAnswers(data, state));
    }
  };
  return (state) => {
    clearTimeout(timer);
    timer = setTimeout(() => ask(state), PAUSE_MS);
  };
}

/** A reader who drags is still asking. */
const PAUSE_MS = 120;

/** What a thread has of its own. */
export interface ThreadScope {
  onmessage: ((event: MessageEvent<Question>) => void) | null;
  readonly postMessage: (answers: SlowAnswers) => void;
}

/** The other end: this script, started as a thread. */
export function answerSlowly(scope: ThreadScope): void {
  let known: PageData | undefined;
  scope.onmessage = ({ data: { data, state } }: MessageEvent<Question>) => {
    known = data ?? known;
    if (known !== undefined && state !== undefined) scope.postMessage(slowAnswers(known, state));
  };
}
