import type { Claim } from "../../schema/claims.ts";
import { type Element, element } from "../chart/tree.ts";
import { placeText, valuesText } from "../text/claims.ts";

const SIGNS: Readonly<Record<Claim["verdict"], string>> = {
  holds: "✓",
  "holds only if": "◐",
  "does not hold": "✗",
  "cannot be answered here": "?",
  "outside this model": "–",
};

/** The verdicts at a glance; each claim opens to its values and to where it would hold. */
export const claimsView = (claims: readonly Claim[], isPending: boolean): Element[] => [
  element(
    "div",
    { class: isPending ? "claims pending" : "claims", "aria-busy": String(isPending) },
    claims.map(claimView),
  ),
];

function claimView(claim: Claim): Element {
  const { id, verdict, condition } = claim;
  return element("details", { "data-key": id, class: `claim ${verdict.replaceAll(" ", "-")}` }, [
    element("summary", {}, [
      element("span", { class: "sign", "aria-hidden": "true" }, [SIGNS[verdict]]),
      element("span", {}, [
        element("span", { class: "claim-text" }, [claim.claim]),
        element("span", { class: "verdict" }, [condition === "" ? verdict : `${verdict} ${condition}`]),
      ]),
    ]),
    ...details(claim).map((text) => element("p", {}, [text])),
  ]);
}

function details(claim: Claim): string[] {
  return [
    `Holds from: ${claim.threshold}.`,
    ...(claim.values.length === 0 ? [] : [`Here: ${valuesText(claim)}.`]),
    ...claim.places.map(placeText),
    ...claim.evidence.map((text) => `Published: ${text}.`),
  ];
}
