/** The content of a config.json, or of the part of it that describes the language model. */
export type Config = Readonly<Record<string, unknown>>;

/** Names that one value has had in versions of the format: the first that is there counts. */
export type Keys = string | readonly [string, ...string[]];

/** One value of config.json that the model file now holds. */
export interface Mapped {
  readonly key: string;
  readonly field: string;
}

/**
 * Reads values of a config.json one by one and keeps account of it: which key became which field, which defaults
 * were filled in, what is wrong. After a problem it hands out a stand-in, so that all problems are found at once;
 * whoever reads must look at `problems` before using what was read.
 */
export interface Reader {
  readonly config: Config;
  readonly mapped: readonly Mapped[];
  readonly defaults: readonly string[];
  readonly notes: readonly string[];
  readonly problems: readonly string[];
  /** a whole number of at least 1; without `absent` it must be there. `words` say what `absent` is */
  readonly count: (field: string, keys: Keys, absent?: number, words?: string) => number;
  /** the same where null means that there is none */
  readonly countOrNone: (field: string, keys: Keys, absent?: number) => number | undefined;
  readonly flag: (field: string, keys: Keys, absent: boolean) => boolean;
  /** a number above 0 and at most 1 */
  readonly share: (field: string, keys: Keys, absent: number) => number;
  readonly word: (field: string, keys: Keys, absent: string) => string;
  readonly list: (field: string, keys: Keys) => readonly unknown[] | undefined;
  /** what a key holds, unread; undefined where it is missing or null */
  readonly peek: (keys: Keys) => unknown;
  readonly note: (text: string) => void;
  readonly problem: (key: string, text: string) => void;
}

/** Larger sizes than any model has; what is multiplied from a few of them still fits a model file. */
const LARGEST = 1e8;

/**
 * `prefix` is where the config stands in its file, such as `text_config.`; `classDefaults` is what its class holds of
 * keys that the config does not name. A key that is null has been said to be None, and gets no default of the class.
 */
export function reader(config: Config, prefix = "", classDefaults: Config = {}): Reader {
  const mapped: Mapped[] = [];
  const defaults: string[] = [];
  const notes: string[] = [];
  const problems: string[] = [];
  const problem = (key: string, text: string): void => {
    problems.push(`${prefix}${key}: ${text}`);
  };

  /** Finds the value, says so, and hands it on if it is what was expected. */
  function take<T>(field: string, keys: Keys, expected: Expected<T>, absent: Absent<T>): T {
    const key = keyOf(config, keys);
    const value = given(config, key);
    const own = namedOf(config, keys) ? undefined : given(classDefaults, keyOf(classDefaults, keys));
    if (value === undefined && expected.is(own)) {
      if (own !== expected.usual) defaults.push(`${prefix}${keyOf(classDefaults, keys)} ${String(own)}`);
      return own;
    }
    if (value === undefined && absent !== undefined) {
      if (absent.value !== expected.usual)
        defaults.push(`${prefix}${key} ${absent.words ?? String(absent.value)}`);
      return absent.value;
    }
    if (expected.is(value)) {
      mapped.push({ key: `${prefix}${key}`, field });
      return value;
    }
    problem(key, `expected ${expected.words}, got ${shown(value)}${otherNames(keys, value)}`);
    return expected.standIn;
  }

  return {
    config,
    mapped,
    defaults,
    notes,
    problems,
    count: (field, keys, absent, words) =>
      take(field, keys, COUNT, absent === undefined ? undefined : { value: absent, words }),
    countOrNone: (field, keys, absent) => {
      const hasDefault =
        absent !== undefined || given(classDefaults, keyOf(classDefaults, keys)) !== undefined;
      if (given(config, keyOf(config, keys)) === undefined && (namedOf(config, keys) || !hasDefault))
        return undefined;
      return take(field, keys, COUNT, absent === undefined ? undefined : { value: absent });
    },
    flag: (field, keys, absent) => take(field, keys, FLAG, { value: absent }),
    share: (field, keys, absent) => take(field, keys, SHARE, { value: absent }),
    word: (field, keys, absent) => take(field, keys, WORD, { value: absent }),
    list: (field, keys) =>
      given(config, keyOf(config, keys)) === undefined ? undefined : take(field, keys, LIST, undefined),
    peek: (keys) => given(config, keyOf(config, keys)),
    note: (text) => {
      if (!notes.includes(text)) notes.push(text);
    },
    problem,
  };
}

type Absent<T> = { readonly value: T; readonly words?: string | undefined } | undefined;

interface Expected<T> {
  readonly is: (value: unknown) => value is T;
  readonly words: string;
  readonly standIn: T;
  /** as a default it surprises nobody */
  readonly usual?: T;
}

const COUNT: Expected<number> = {
  is: (value): value is number => Number.isInteger(value) && Number(value) >= 1 && Number(value) <= LARGEST,
  words: `a whole number from 1 to ${LARGEST}`,
  standIn: 1,
};

const FLAG: Expected<boolean> = {
  is: (value) => typeof value === "boolean",
  words: "true or false",
  standIn: false,
  usual: false,
};

const SHARE: Expected<number> = {
  is: (value): value is number => typeof value === "number" && value > 0 && value <= 1,
  words: "a number above 0 and at most 1",
  standIn: 1,
  usual: 1,
};

const WORD: Expected<string> = {
  is: (value) => typeof value === "string",
  words: "a text",
  standIn: "",
};

const LIST: Expected<readonly unknown[]> = {
  is: (value): value is readonly unknown[] => Array.isArray(value),
  words: "a list",
  standIn: [],
};

/** The name under which the value stands; without any, the one it has today. */
function keyOf(config: Config, keys: Keys): string {
  const names = typeof keys === "string" ? [keys] : keys;
  return names.find((name) => given(config, name) !== undefined) ?? names[0]!;
}

/** Whether the config has one of the names, be it as null. */
const namedOf = (config: Config, keys: Keys): boolean =>
  (typeof keys === "string" ? [keys] : keys).some(
    (name) => Object.hasOwn(config, name) && config[name] !== undefined,
  );

/** Python's None is null: nothing was said. A name with a dot is a key of a config inside, as `ffn_config.moe_top_k`. */
function given(config: Config, key: string): unknown {
  if (Object.hasOwn(config, key)) return config[key] ?? undefined;
  const dot = key.indexOf(".");
  const inner = dot < 0 ? undefined : given(config, key.slice(0, dot));
  return typeof inner === "object" && inner !== null ? given(inner as Config, key.slice(dot + 1)) : undefined;
}

function otherNames(keys: Keys, value: unknown): string {
  if (typeof keys === "string" || keys.length === 1 || value !== undefined) return "";
  return ` (nor ${keys.slice(1).join(" or ")})`;
}

/** A value as JSON, cut short. */
export function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (typeof value === "number") return String(value);
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
