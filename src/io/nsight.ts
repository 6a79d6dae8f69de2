import { UserError } from "../errors.ts";
import type { Profile } from "../schema/profile.ts";
export const looksLikeTable = (_: Buffer): boolean => false;
export function readTable(path: string, _: string): Profile {
  throw new UserError(`${path} is a table`);
}
