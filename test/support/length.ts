/** `npm run test:all`, or looking for mistakes that no test notices: whatever is drawn at random is drawn as often as it can be. */
export const IS_FULL_LENGTH = process.env["MODE"] === "all";

/** How often to draw: `npm test` draws the first few of the same. */
export const runs = (quick: number, full: number): number => (IS_FULL_LENGTH ? full : quick);
