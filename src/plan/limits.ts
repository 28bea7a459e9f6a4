import { BrainjarError } from "../budget/error.ts";
import { type LimitsResult, recommendLimits } from "../budget/limits.ts";
import { applyChanges } from "./changes.ts";
import type { Host } from "./host.ts";
import { planOn } from "./plan.ts";
import type { Settings } from "./settings.ts";

/** RAM limits that pass, and what they leave room for. */
export interface RecommendedLimits {
  readonly result: LimitsResult;
  /** Tokens of context that each jar gets under its limit; empty where nothing passes. */
  readonly contexts: readonly { readonly id: string; readonly contextSize: number }[];
}

/** The largest RAM limits that pass, and the context of each jar under its own. */
export async function recommendLimitsOn(
  host: Host,
  settings: Settings,
): Promise<RecommendedLimits> {
  const memory = await host.readMemory();
  const plan = await planOn(host, settings, memory);
  const result = recommendLimits({
    mode: settings.mode,
    instances: plan.jars.map((jar) => jar.demand),
    memory,
    policy: settings.policy,
  });
  if (!result.ok) return { result, contexts: [] };
  // A limit sizes the jar's context: what is recommended is what such a run would really do.
  const limited = await planOn(host, applyChanges(settings, { ramLimits: result.limits }), memory);
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
