import { type Io, say } from "../io/terminal.ts";

/** What a config.json was taken for: which field is from which key, what was guessed, what is left out. */
export function noteImport(
  { mapped, notes }: { readonly mapped?: readonly string[] | undefined; readonly notes: readonly string[] },
  io: Io,
): void {
  if (mapped !== undefined) say(io, `mapped: ${mapped.join(", ")}`);
  for (const note of notes) say(io, `note: ${note}`);
}
