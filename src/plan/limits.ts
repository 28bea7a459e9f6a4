import { BrainjarError } from "../budget/error.ts";
import { type LimitsResult, recommendLimits } from "../budget/advice/limits.ts";
import type { MachineMemory } from "../budget/memory.ts";
import { SMALLEST_CONTEXT } from "../budget/advice/recommend.ts";
import { footprintBytes } from "../budget/required.ts";
import { ROLES } from "../budget/demand.ts";
import type { Validation } from "../budget/validation.ts";
import { adviseOn } from "./advise.ts";
import { applyChanges } from "./changes.ts";
import type { Host } from "./host.ts";
import { type Plan, planOn } from "./plan.ts";
import type { Settings } from "./settings.ts";

/** RAM limits that pass, and what they leave room for. */
export interface RecommendedLimits {
  readonly result: LimitsResult;
  /** Tokens of context that each jar gets; of the smallest that was tried where nothing passes. */
  readonly contexts: readonly { readonly id: string; readonly contextSize: number }[];
  /** What would help where nothing passes. */
  readonly advice?: Validation;
  /** Tokens that must be asked for besides the limits; absent where what was asked for passes. */
  readonly contextSize?: number;
}

/**
 * The largest RAM limits that pass, and the context of each jar under its own. Where not even the
 * context that was asked for passes without a limit, a smaller one.
 */
export async function recommendLimitsOn(
  host: Host,
  settings: Settings,
): Promise<RecommendedLimits> {
  const memory = await host.readMemory();
  const asked = await planOn(host, settings, memory);
  const mostBytes = await mostUsable(host, settings, memory);
  const largest = Math.max(...asked.jars.map((jar) => jar.options.contextSize));
  let result: LimitsResult | undefined;
  let plan = asked;
  for (const contextSize of [undefined, ...smaller(largest)]) {
    const changed = contextSize === undefined ? settings : applyChanges(settings, { contextSize });
    plan = contextSize === undefined ? asked : await planOn(host, changed, memory);
    result = recommendLimits({
      mode: settings.mode,
      instances: plan.jars.map((jar) => jar.demand),
      // As these jars meet it: limits that count what isn't filled are said in their terms.
      memory: plan.validation.memory,
      policy: settings.policy,
      mostBytes,
    });
    if (!result.ok) continue;
    // A limit sizes the jar's context: what is recommended is what such a run would really do.
    const limits = { ramLimits: result.limits };
    const limited = await planOn(host, applyChanges(settings, limits), memory);
    if (limited.validation.ok) return { result, contexts: contextsOf(limited) };
    if (contextSize === undefined) continue;
    const held = await planOn(host, applyChanges(changed, limits), memory);
    if (held.validation.ok) return { result, contexts: contextsOf(held), contextSize };
  }
  if (result === undefined || result.ok) {
    throw new BrainjarError("internal", "The recommended limits don't pass their own validation", {
      hint: "This is a bug: please report it with the command line that caused it",
      kind: "engine",
    });
  }
  const { validation: advice } = await adviseOn(host, asked);
  return { result, contexts: contextsOf(plan), advice };
}

/** A limit that no model can fill, in bytes. */
const UNBOUNDED = 2 ** 50;

/** What each jar needs with the largest context that it can have: more is of no use to it. */
async function mostUsable(
  host: Host,
  settings: Settings,
  memory: MachineMemory,
): Promise<ReadonlyMap<string, number>> {
  const ramLimits = ROLES.map((role) => ({ role, bytes: UNBOUNDED, text: "" }));
  const { jars } = await planOn(host, applyChanges(settings, { ramLimits }), memory);
  const { criterion } = settings.policy;
  return new Map(jars.map(({ demand: { id, footprint } }) => [
    id,
    footprintBytes(footprint, criterion),
  ]));
}

/** Half as large each time. */
function smaller(contextSize: number): number[] {
  const half = Math.floor(contextSize / 2);
  return half < SMALLEST_CONTEXT ? [] : [half, ...smaller(half)];
}

function contextsOf({ jars }: Plan): RecommendedLimits["contexts"] {
  return jars.map(({ demand, options }) => ({
    id: demand.id,
    contextSize: options.contextSize,
  }));
}
