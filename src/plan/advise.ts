import { BrainjarError } from "../budget/error.ts";
import { recommend } from "../budget/recommend.ts";
import type { Recommendation, Validation } from "../budget/validation.ts";
import { GGML_TYPES, KV_CACHE_TYPES, type KvCacheType } from "../llama_cpp/ggml/types.ts";
import { applyChanges } from "./changes.ts";
import { type Plan, planJars } from "./plan.ts";
import type { Settings } from "./settings.ts";
import type { World } from "./host.ts";

/** Adds what would make a failed plan pass; each recommendation was planned and validated. */
export async function advise(plan: Plan, world: World): Promise<Plan> {
  if (plan.validation.ok) return plan;
  const { settings, memory } = plan;
  const recommendations = await recommend({
    validation: plan.validation,
    tryWith: async (changes) => {
      try {
        const tried = await planJars(applyChanges(settings, changes), memory, world);
        return tried.validation;
      } catch (error) {
        // A change that this model doesn't take (a quantized cache without flash attention).
        if (error instanceof BrainjarError) return undefined;
        throw error;
      }
    },
    contextSize: Math.max(...plan.jars.map((jar) => jar.options.contextSize)),
    kvCacheTypes: smallerCacheTypes(settings.jars[0]?.context.kvCacheType ?? "F16"),
    mmap: plan.jars.some((jar) => jar.options.mmap),
  });
  const validation: Validation = {
    ...plan.validation,
    recommendations: recommendations.map((recommendation) => inWordsOf(settings, recommendation)),
  };
  return { ...plan, validation };
}

/**
 * A recommendation in flags that override what may have been typed: a jar's own flag would win over
 * its role's, and a jar file's word is no flag that could be left out.
 */
function inWordsOf(settings: Settings, recommendation: Recommendation): Recommendation {
  switch (recommendation.kind) {
    case "flags":
      return {
        ...recommendation,
        flags: recommendation.flags.flatMap((flag) => {
          const match = /^--ram-limit-(\S+) (\S+)$/.exec(flag);
          const jars = settings.jars.filter((jar) => jar.role === match?.[1]);
          return match && jars.length > 0 && settings.mode !== "matrix"
            ? jars.map((jar) => `--ram-limit-${jar.id} ${match[2]}`)
            : [flag];
        }),
      };
    case "omit":
      return settings.jarFile === undefined ? recommendation : {
        ...recommendation,
        omitted: `${recommendation.omitted} or "shareWeights": false of ${settings.jarFile}`,
      };
    default:
      return recommendation;
  }
}

/** Cache types that take fewer bytes and that people use, largest first. */
function smallerCacheTypes(current: KvCacheType): string[] {
  const bytes = new Map(
    [...GGML_TYPES.values()].map((type) => [type.name, type.blockBytes / type.blockElements]),
  );
  const size = (type: KvCacheType) => bytes.get(type) ?? Infinity;
  return KV_CACHE_TYPES.filter((type) => size(type) < size(current) && type !== "IQ4_NL")
    .toSorted((a, b) => size(b) - size(a))
    .map((type) => type.toLowerCase());
}
