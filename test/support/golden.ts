/** `UPDATE_GOLDEN=1 npm test` writes expected texts instead of comparing with them: never where CI is to compare. */
export function isUpdating(): boolean {
  if (!process.env["UPDATE_GOLDEN"]) return false;
  if (process.env["CI"])
    throw new Error(
      "UPDATE_GOLDEN is refused where CI is set: write golden files by hand, and look at what changes",
    );
  return true;
}
