import { defined } from "../budget/defined.ts";
import { type Changes, limitFor } from "../budget/changes.ts";
import { KV_CACHE_TYPES } from "../llama_cpp/ggml/types.ts";
import type { JarSettings, Settings } from "./settings.ts";

/** The settings as they would be had these changes been asked for. */
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
      ...defined({
        criterion: changes.criterion,
        shareWeights: changes.shareWeights,
        allocationHeadroomBytes: changes.allocationHeadroom?.bytes,
        loadHeadroomBytes: changes.loadHeadroom?.bytes,
      }),
    },
  };
}

function changeJar(jar: JarSettings, changes: Changes): JarSettings {
  const limit = limitFor(jar, changes.ramLimits ?? []);
  return {
    ...jar,
    ...defined({ ramLimitBytes: limit?.bytes }),
    context: {
      ...jar.context,
      ...defined({
        contextSize: changes.contextSize,
        kvCacheType: KV_CACHE_TYPES.find((type) => type === changes.kvCacheType),
        mmap: changes.mmap,
      }),
    },
  };
}
