import { UserError } from "../errors.ts";
import { type Scenario, ScenarioSchema } from "../schema/scenario.ts";
import { scenarioProblems } from "../schema/scenario-rules.ts";
import { problemLines } from "./problems.ts";

/** A scenario that can be simulated, made of whatever a program gives; or a UserError with all that is wrong with it. */
export function checkedScenario(data: unknown): Scenario {
  const parsed = ScenarioSchema.safeParse(data);
  const problems = parsed.success
    ? scenarioProblems(parsed.data)
    : problemLines(parsed.error, data, ScenarioSchema);
  if (problems.length > 0) throw new UserError("not a valid scenario", problems);
  return parsed.data!;
}
