import { type Io, say, sayAll } from "./terminal.ts";

/** What a config.json was taken for: which field is from which key, what was guessed, what is left out. */
export function noteImport(
  { mapped, notes }: { readonly mapped?: readonly string[] | undefined; readonly notes: readonly string[] },
  io: Io,
): void {
  if (mapped !== undefined) say(io, `mapped: ${mapped.join(", ")}`);
  noteAll(notes, io);
}

/** What a reader of the answer must know and the answer has no place for, each once. */
export function noteAll(notes: Iterable<string>, io: Io): void {
  sayAll(
    io,
    [...new Set(notes)].map((note) => `note: ${note}`),
  );
}
