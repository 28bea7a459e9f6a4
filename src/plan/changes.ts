import { defined } from "../budget/defined.ts";
import { type Changes, limitFor } from "../budget/changes.ts";
import { KV_CACHE_TYPES } from "../llama_cpp/ggml/types.ts";
import type { GpuLayers } from "../llama_cpp/options.ts";
import type { JarSettings, Settings } from "./settings.ts";

/** The settings as they would be had these changes been asked for. */
export function applyChanges(settings: Settings, changes: Changes): Settings {
  const jars = changes.mode === "single"
    ? settings.jars.filter((jar) => jar.role === "subject").slice(0, 1)
    : settings.jars;
  return {
    ...settings,
    mode: changes.mode ?? settings.mode,
    gpu: changes.gpu ?? settings.gpu,
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

/** Fewer where a number was asked for; where layers are to be found, they are. */
function layersFor(
  { context: { gpuLayers: asked } }: JarSettings,
  { gpuLayers }: Changes,
): GpuLayers | undefined {
  if (gpuLayers === undefined || asked === "auto") return undefined;
  return asked === "all" ? gpuLayers : Math.min(asked, gpuLayers);
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
        gpuLayers: layersFor(jar, changes),
      }),
    },
  };
}
