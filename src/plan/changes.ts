import type { Changes } from "../budget/recommend.ts";
import type { KvCacheType } from "../llama_cpp/ggml/types.ts";
import type { JarSettings, Settings } from "./settings.ts";

/**
 * The settings as they would be with a recommendation's flags added to (or put in place of) what
 * was typed.
 */
export function applyChanges(settings: Settings, changes: Changes): Settings {
  const jars = changes.mode === "single"
    ? settings.jars.filter((jar) => jar.role === "subject").slice(0, 1)
    : settings.jars;
  return {
    ...settings,
    mode: changes.mode ?? settings.mode,
    jars: jars.map((jar) => changeJar(jar, changes)),
    policy: {
      ...settings.policy,
      criterion: changes.criterion ?? settings.policy.criterion,
      shareWeights: changes.shareWeights ?? settings.policy.shareWeights,
    },
  };
}

function changeJar(jar: JarSettings, changes: Changes): JarSettings {
  const limit = changes.ramLimits?.find((ramLimit) => ramLimit.role === jar.role);
  return {
    ...jar,
    ...(limit === undefined ? {} : { ramLimitBytes: limit.bytes }),
    context: {
      ...jar.context,
      ...(changes.contextSize === undefined ? {} : { contextSize: changes.contextSize }),
      kvCacheType: changes.kvCacheType === undefined
        ? jar.context.kvCacheType
        : changes.kvCacheType.toUpperCase() as KvCacheType,
      mmap: changes.mmap ?? jar.context.mmap,
    },
  };
}
