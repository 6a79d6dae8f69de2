import type { Io } from "../io/terminal.ts";

/** What a config.json was taken for: which field is from which key, what was guessed, what is left out. */
export function noteImport(
  { mapped, notes }: { readonly mapped?: readonly string[] | undefined; readonly notes: readonly string[] },
  io: Io,
): void {
  if (mapped !== undefined) io.stderr(`mapped: ${mapped.join(", ")}\n`);
  for (const note of notes) io.stderr(`note: ${note}\n`);
}
