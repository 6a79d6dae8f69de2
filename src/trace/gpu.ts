import type { Hardware } from "../schema/hardware.ts";

/** The profile of the GPU that a driver calls by this name; undefined where there is none. */
export function profileOf(gpu: string, profiles: readonly Hardware[]): Hardware | undefined {
  const name = plain(gpu);
  return profiles.find((profile) => profile.gpu !== undefined && plain(profile.gpu) === name);
}

/** Drivers before 470 leave the vendor out. */
const plain = (name: string): string =>
  name
    .trim()
    .toLowerCase()
    .replace(/^(?:nvidia|amd) /, "");
