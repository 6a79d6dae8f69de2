/** What is done with the values of one large JSON text as they are found. */
export interface ItemHandlers {
  /** an object of the list of that name, or of the list that the whole text is */
  readonly item: (text: Buffer) => void;
  /** another list or object of the outermost object */
  readonly field: (name: string, text: Buffer) => void;
}

export interface ItemScanner {
  readonly push: (piece: Buffer) => void;
  /** whether the text was complete */
  readonly isComplete: () => boolean;
}

const QUOTE = 34;
const BACKSLASH = 92;
const OPEN_LIST = 91;
const CLOSE_LIST = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

/** One value is never larger; of a text that has a larger one the rest is not read. */
const LARGEST_VALUE_BYTES = 64e6;

/** Where we are in the text: what `bytes` holds from `at` on has not been looked at. */
interface Place {
  readonly bytes: Buffer;
  at: number;
  depth: number;
  inText: boolean;
}

/**
 * Finds where each value begins and ends, piece by piece, and leaves parsing to JSON.parse: parsers that go token by
 * token in JavaScript (@streamparser/json, stream-json) read about 20 MB/s of a trace, this with JSON.parse about 100.
 */
export function itemScanner(list: string, { item, field }: ItemHandlers): ItemScanner {
  let place: Place = { bytes: Buffer.alloc(0), at: 0, depth: 0, inText: false };
  let isComplete = false;
  /** the last text directly in the outermost object, which is the name of the value behind it */
  let name = "";
  /** depth inside the list of items; 0: not in it */
  let listDepth = 0;
  /** where the value or text that is being read begins; -1: none is */
  let start = -1;
  let valueDepth = 0;

  function open(isList: boolean): void {
    const { depth, at } = place;
    if (listDepth === 0 && isList && (depth === 1 || (depth === 2 && name === list))) listDepth = depth;
    else if (depth === (listDepth === 0 ? 2 : listDepth + 1)) {
      start = at;
      valueDepth = depth;
    }
  }

  function endValue(): void {
    const text = place.bytes.subarray(start, place.at);
    if (listDepth > 0) item(text);
    else field(name, text);
    start = -1;
    valueDepth = 0;
  }

  /** One byte between the values. */
  function step(): void {
    const byte = place.bytes[place.at];
    if (byte === QUOTE) start = place.at;
    if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
      place.depth++;
      open(byte === OPEN_LIST);
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
      if (place.depth === listDepth) listDepth = 0;
      place.depth--;
      isComplete ||= place.depth <= 0;
    }
    place.inText = byte === QUOTE;
    place.at++;
  }

  function endText(): void {
    name = place.bytes.toString("utf8", start + 1, place.at - 1);
    start = -1;
  }

  /** Forgets what has been read, but for what is still open. */
  function keepOpen(piece: Buffer): void {
    const { bytes, at } = place;
    const from = Math.min(start < 0 ? at : start, bytes.length);
    const rest = bytes.subarray(from);
    place = { ...place, bytes: rest.length === 0 ? piece : Buffer.concat([rest, piece]), at: at - from };
    if (start >= 0) start = 0;
  }

  return {
    push: (piece) => {
      if (place.bytes.length > LARGEST_VALUE_BYTES) return;
      keepOpen(piece);
      while (place.at < place.bytes.length)
        if (valueDepth > 0) {
          if (walkValue(place, valueDepth)) endValue();
        } else if (place.inText) {
          if (walkText(place)) endText();
        } else step();
    },
    isComplete: () => isComplete,
  };
}

/** Goes to the end of the value, or of what there is; true: the value ends here. Nearly all of a trace is read here. */
function walkValue(place: Place, valueDepth: number): boolean {
  const { bytes } = place;
  let { at, depth, inText } = place;
  for (; at < bytes.length && depth >= valueDepth; at++) {
    const byte = bytes[at];
    if (inText) {
      if (byte === BACKSLASH) at++;
      else if (byte === QUOTE) inText = false;
    } else if (byte === QUOTE) inText = true;
    else if (byte === OPEN_OBJECT || byte === OPEN_LIST) depth++;
    else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) depth--;
  }
  Object.assign(place, { at, depth, inText });
  return depth < valueDepth;
}

/** Goes behind the closing quote, or to the end of what there is; true: the text ends here. */
function walkText(place: Place): boolean {
  const { bytes } = place;
  for (; place.at < bytes.length; place.at++) {
    const byte = bytes[place.at];
    if (byte === BACKSLASH) place.at++;
    else if (byte === QUOTE) {
      place.inText = false;
      place.at++;
      return true;
    }
  }
  return false;
}
