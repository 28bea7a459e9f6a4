import { type LimitsResult, recommendLimits } from "../../budget/limits.ts";
import { BrainjarError } from "../../budget/error.ts";
import { type Recommended, recommendJson, recommendText } from "../../report/recommend.ts";
import type { Command } from "../brainjar.ts";
import { applyChanges } from "../../plan/changes.ts";
import { planJars } from "../../plan/plan.ts";
import type { Settings } from "../../plan/settings.ts";
import { readSettings } from "../settings/settings.ts";
import { sayWhichModel } from "../which_model.ts";
import { openWorld, type World } from "../../plan/host.ts";

/** `brainjar recommend`: RAM limits, and the contexts they leave room for, that pass. */
export const recommend: Command = async ({ values, output }) => {
  const settings = await readSettings(values, {
    environmentModel: Deno.env.get("BRAINJAR_MODEL"),
    say: (text) => output.say(text),
  });
  sayWhichModel(settings, output);
  const world = openWorld(settings);
  try {
    const recommended = await recommendFor(settings, world);
    output.answer(
      values.has("json")
        ? JSON.stringify(recommendJson(recommended)) + "\n"
        : recommendText(recommended) + "\n",
    );
    return recommended.result.ok ? 0 : 1;
  } finally {
    await world.close();
  }
};

async function recommendFor(settings: Settings, world: World): Promise<Recommended> {
  const memory = await world.readMemory();
  const plan = await planJars(settings, memory, world);
  const result: LimitsResult = recommendLimits({
    mode: settings.mode,
    instances: plan.jars.map((jar) => jar.demand),
    memory,
    policy: settings.policy,
  });
  if (!result.ok) return { result, contexts: [] };
  // A limit sizes the jar's context: what is recommended is what such a run would really do.
  const limited = await planJars(
    applyChanges(settings, { ramLimits: result.limits }),
    memory,
    world,
  );
  if (!limited.validation.ok) {
    throw new BrainjarError("internal", "The recommended limits don't pass their own validation", {
      hint: "This is a bug: please report it with the command line that caused it",
      kind: "engine",
    });
  }
  return {
    result,
    contexts: limited.jars.map(({ demand, options }) => ({
      id: demand.id,
      contextSize: options.contextSize,
    })),
  };
}
