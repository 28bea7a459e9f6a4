import { BrainjarError } from "../budget/error.ts";
import { recommend } from "../budget/recommend.ts";
import type { Validation } from "../budget/validation.ts";
import { GGML_TYPES, KV_CACHE_TYPES, type KvCacheType } from "../footprint/ggml_type.ts";
import { applyChanges } from "./changes.ts";
import { type Plan, planJars } from "./plan.ts";
import type { World } from "./world.ts";

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
  const validation: Validation = { ...plan.validation, recommendations };
  return { ...plan, validation };
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
