import type { InstanceDemand } from "../budget/demand.ts";
import type { ThinkOptions } from "../engine/engine.ts";
import type { EstimatedFile } from "../engine/estimated_file.ts";
import type { FileRange } from "../footprint/sparse_ranges.ts";
import type { FootprintOptions } from "../llama_cpp/options.ts";
import type { RolePrompt } from "./prompts/prompt_file.ts";

/** One jar as it is to be run. */
export interface JarConfig {
  /** Its id, role, model (as people know it), RAM limit and footprint. */
  readonly demand: InstanceDemand;
  /** How its model is loaded and its context made: what the footprint was estimated for. */
  readonly options: FootprintOptions;
  /** Its model's files as they were when the footprint was estimated. */
  readonly files?: readonly EstimatedFile[];
  /** What of its model's files a token reads only here and there (`sparseRanges`). */
  readonly sparse?: readonly FileRange[];
  /** Instead of the built-in prompt of its role (`parsePrompt`). */
  readonly prompt?: RolePrompt;
  /** What of the run's sampling is another for it. */
  readonly sampling?: JarSampling;
}

/** How thoughts are sampled; every thought's seed comes from this one (`thoughtSeed`). */
export type Sampling = Omit<ThinkOptions, "signal" | "onText">;

/** What of it one jar may have another way. */
export type JarSampling = Partial<Omit<Sampling, "seed">>;
