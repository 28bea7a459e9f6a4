import { resolve } from "node:path";
import { defined } from "../budget/defined.ts";
import type { JarConfig } from "../experiment/config.ts";
import type { CpuFeatures } from "../llama_cpp/options.ts";
import type { PlaceRun } from "../experiment/jar/place.ts";
import type { JarLoad } from "./inside/serve_jar.ts";

/** What of a start the jar is told. */
interface LoadDetails {
  readonly limitBytes?: number;
  readonly cpu?: CpuFeatures;
  readonly patienceMilliseconds: number;
}

/** A processor as a line can say it. */
function processorOf({ architecture, features, threads }: CpuFeatures) {
  return { architecture, features: [...features].sort(), threads };
}

/** The whole jar, as its process is told it. */
export function loadOf(
  { demand, options, files = [], sparse }: JarConfig,
  { policy, promptFormat, limits }: PlaceRun,
  { limitBytes, cpu, patienceMilliseconds }: LoadDetails,
): JarLoad {
  const {
    stallMilliseconds,
    watchMilliseconds,
    shortWatchMilliseconds,
    renewMilliseconds,
    graceMilliseconds,
    disposalMilliseconds,
    hurriedDisposalMilliseconds,
  } = limits;
  const found = sparse?.map((range) => ({ ...range, path: resolve(range.path) }));
  return {
    ask: "load",
    demand,
    options,
    // Its process may have been started in another folder.
    files: files.map(({ path, fileBytes }) => ({ path: resolve(path), fileBytes })),
    ...defined({ sparse: found, limitBytes }),
    ...cpu && { processor: processorOf(cpu) },
    policy,
    promptFormat,
    gpu: options.offload?.devices[0]?.backend ?? "off",
    limits: {
      stallMilliseconds,
      watchMilliseconds,
      shortWatchMilliseconds,
      renewMilliseconds,
      graceMilliseconds,
      disposalMilliseconds,
      hurriedDisposalMilliseconds,
    },
    patienceMilliseconds,
  };
}
