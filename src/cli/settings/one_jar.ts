import { BrainjarError } from "../../budget/error.ts";
import { withoutOwnLimit } from "../../jar_process/own_limit.ts";
import type { Host } from "../../plan/host.ts";
import { planOn } from "../../plan/plan.ts";
import { type Plan, validatePlanned } from "../../plan/planned_jars.ts";
import type { Settings } from "../../plan/settings.ts";
import { didYouMean } from "../flags/did_you_mean.ts";

/**
 * The settings with one of their jars alone.
 *
 * @throws {BrainjarError} `unknown-jar`
 */
export function onlyJar(settings: Settings, id: string): Settings {
  const jars = settings.jars.filter((jar) => jar.id === id);
  if (jars.length > 0) return { ...settings, jars };
  const ids = settings.jars.map((jar) => jar.id);
  throw new BrainjarError("unknown-jar", `There is no jar "${id}"`, {
    hint: didYouMean(id, ids, `There ${ids.length === 1 ? "is" : "are"} ${ids.join(", ")}`),
  });
}

/**
 * The plan of one jar in a control group that was asked for with its limit: the jar is held to that, and
 * the machine's margins are kept from the rest of the machine.
 *
 * @throws {BrainjarError} `one-jar-needed`
 */
export async function planInOwnLimit(
  host: Host,
  settings: Settings,
  limitBytes: number,
): Promise<Plan> {
  if (settings.jars.length > 1) {
    throw new BrainjarError("one-jar-needed", 'Flag "--own-limit" is about one jar', {
      hint: `Name it with --only: ${settings.jars.map(({ id }) => id).join(", ")}`,
    });
  }
  const plan = await planOn(host, settings, withoutOwnLimit(await host.readMemory(), limitBytes));
  const jars = plan.jars.map((jar) => {
    const ramLimitBytes = Math.min(limitBytes, jar.demand.ramLimitBytes ?? limitBytes);
    return { ...jar, demand: { ...jar.demand, ramLimitBytes } };
  });
  return { ...plan, jars, validation: validatePlanned(jars, settings, plan.memory) };
}
