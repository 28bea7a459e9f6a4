import { BrainjarError } from "../budget/error.ts";
import { couldHaveMoreLayers } from "../budget/advice/layers.ts";
import { recommend } from "../budget/advice/recommend.ts";
import type { Recommendation } from "../budget/recommendation.ts";
import { cacheType, KV_CACHE_TYPES, type KvCacheType } from "../llama_cpp/ggml/types.ts";
import { applyChanges } from "./changes.ts";
import { type Host, openHost } from "./host.ts";
import { type Plan, planOn } from "./plan.ts";
import { DEFAULT_CONTEXT, type JarSettings, type Settings } from "./settings.ts";

/**
 * A plan with what would make it pass in its `validation.recommendations`, where it failed, or what
 * would have all layers on devices, where it passed with fewer; each was planned and validated on the
 * memory that the plan found.
 *
 * @throws {BrainjarError} what `planJars` throws of a model that can't be read any more.
 *
 * @example
 * ```ts
 * import { GB, MB } from "../budget/size.ts";
 * import { advise } from "./advise.ts";
 * import { planJars } from "./plan.ts";
 *
 * const plan = await planJars({
 *   jars: [{ id: "mind", ramLimitBytes: 8 * GB }],
 *   machine: { name: "a small machine", totalBytes: 512 * MB },
 *   policy: { allocationHeadroomBytes: 0, loadHeadroomBytes: 0 },
 * });
 * const { recommendations } = (await advise(plan)).validation;
 * const [first] = recommendations;
 * if (first?.kind !== "changes" || first.changes.ramLimits?.[0]?.text !== "435MB") {
 *   throw new Error("85 % of 512 MB");
 * }
 * ```
 */
export async function advise(plan: Plan): Promise<Plan> {
  await using host = openHost(plan.settings);
  return await adviseOn(host, plan);
}

/**
 * The same on a host that is open.
 *
 * @param judged what layer 1 says of a plan, where that isn't what the plan says itself
 */
export async function adviseOn(
  host: Host,
  plan: Plan,
  judged: (plan: Plan) => Plan = (plan) => plan,
): Promise<Plan> {
  const { settings, memory, validation } = plan;
  if (validation.ok && !couldHaveMoreLayers(validation)) return plan;
  // What passes is asked what would have all layers on devices, and needs no search for how many.
  const asked = validation.ok ? withAllLayers(settings) : settings;
  const recommendations = await recommend({
    validation,
    tryWith: async (changes, size) => {
      try {
        // A machine of another size has no limits but its own.
        const sized = size === undefined ? memory : { ...memory, ...size, sources: [] };
        const { devices: _, ...alone } = sized;
        const there = changes.gpu === "off" ? alone : sized;
        return judged(await planOn(host, applyChanges(asked, changes), there)).validation;
      } catch (error) {
        // A change that this model doesn't take (a quantized cache without flash attention).
        if (error instanceof BrainjarError) return undefined;
        throw error;
      }
    },
    contextSize: Math.max(...plan.jars.map((jar) => jar.options.contextSize)),
    kvCacheTypes: smallerCacheTypes(
      settings.jars[0]?.context.kvCacheType ?? DEFAULT_CONTEXT.kvCacheType,
    ),
    mmap: plan.jars.some((jar) => jar.options.mmap),
  });
  const { jarFile } = settings;
  const told = recommendations.map((one): Recommendation =>
    one.kind === "changes" && jarFile !== undefined ? { ...one, jarFile } : one
  );
  return { ...plan, validation: { ...validation, recommendations: told } };
}

/** The same with all layers of each jar on devices, where nobody gave a number. */
function withAllLayers(settings: Settings): Settings {
  const jars = settings.jars.map((jar): JarSettings =>
    jar.context.gpuLayers === "auto"
      ? { ...jar, context: { ...jar.context, gpuLayers: "all" } }
      : jar
  );
  return { ...settings, jars };
}

/** Cache types that take fewer bytes and that people use, largest first. */
function smallerCacheTypes(current: KvCacheType): KvCacheType[] {
  const size = (name: KvCacheType) => {
    const { blockBytes, blockElements } = cacheType(name);
    return blockBytes / blockElements;
  };
  return KV_CACHE_TYPES.filter((type) => size(type) < size(current) && type !== "IQ4_NL")
    .toSorted((a, b) => size(b) - size(a));
}
