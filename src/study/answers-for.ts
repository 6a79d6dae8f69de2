import { alternativeTo } from "../engine/alternatives.ts";
import { layerFigures } from "../engine/layer-result.ts";
import type { Alternative } from "../schema/result.ts";
import type { Scenario } from "../schema/scenario.ts";
import type { Answers } from "./answers.ts";

/** Answers about a scenario: `simulate` without what nobody asks for. */
export function answersFor(scenario: Scenario): Answers {
  const figures = layerFigures(scenario);
  const found = new Map<string, Alternative>();
  return {
    scenario,
    ...figures,
    alternative: (kind, implementation) => {
      const name = `${kind}:${implementation}`;
      let other = found.get(name);
      if (other === undefined) {
        const layerSeconds = figures.layer().seconds;
        other = alternativeTo(
          { scenario, layerSeconds, operators: figures.operators() },
          kind,
          implementation,
        );
        found.set(name, other);
      }
      return other;
    },
  };
}
