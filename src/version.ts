import manifest from "../package.json" with { type: "json" };

export const VERSION: string = manifest.version;

/** How every JSON answer begins: which names it uses, and which program computed it. */
export const ANSWERED_BY = { schemaVersion: 1, version: VERSION } as const;
