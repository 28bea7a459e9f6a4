import type { GgufHeader } from "../../gguf/header.ts";
import type { GraphSource } from "../graph/planned_graph.ts";
import { loadModule } from "../../load_module.ts";
import { readArchitecture } from "../hyperparameters/header_shape.ts";
import { readHyperparameters } from "../hyperparameters/hyperparameters.ts";
import type { Architecture, Family } from "./architecture.ts";

// Most models' families first: a family is loaded when those before it don't have the architecture,
// since all of them are more code than the rest of an estimate.
const FAMILIES: readonly (() => Promise<{ readonly ARCHITECTURES: Family }>)[] = [
  () => loadModule<typeof import("./plain_attention.ts")>(import.meta, "./plain_attention.ts"),
  () => loadModule<typeof import("./plain_mixtures.ts")>(import.meta, "./plain_mixtures.ts"),
  () => loadModule<typeof import("./varied_layers.ts")>(import.meta, "./varied_layers.ts"),
  () => loadModule<typeof import("./sliding_window.ts")>(import.meta, "./sliding_window.ts"),
  () => loadModule<typeof import("./shared_experts.ts")>(import.meta, "./shared_experts.ts"),
  () => loadModule<typeof import("./delta_net.ts")>(import.meta, "./delta_net.ts"),
  () =>
    loadModule<typeof import("./sliding_window_experts.ts")>(
      import.meta,
      "./sliding_window_experts.ts",
    ),
  () => loadModule<typeof import("./gemma4.ts")>(import.meta, "./gemma4.ts"),
  () => loadModule<typeof import("./latent_attention.ts")>(import.meta, "./latent_attention.ts"),
  () => loadModule<typeof import("./cohere.ts")>(import.meta, "./cohere.ts"),
  () => loadModule<typeof import("./parallel.ts")>(import.meta, "./parallel.ts"),
  () => loadModule<typeof import("./layer_norms.ts")>(import.meta, "./layer_norms.ts"),
  () => loadModule<typeof import("./state_space.ts")>(import.meta, "./state_space.ts"),
  () => loadModule<typeof import("./short_convolution.ts")>(import.meta, "./short_convolution.ts"),
  () => loadModule<typeof import("./nemotron_h.ts")>(import.meta, "./nemotron_h.ts"),
  () => loadModule<typeof import("./gemma3n.ts")>(import.meta, "./gemma3n.ts"),
  () => loadModule<typeof import("./images_and_speech.ts")>(import.meta, "./images_and_speech.ts"),
  () =>
    loadModule<typeof import("./sliding_window_predicting.ts")>(
      import.meta,
      "./sliding_window_predicting.ts",
    ),
  () => loadModule<typeof import("./mixtures.ts")>(import.meta, "./mixtures.ts"),
  () => loadModule<typeof import("./indexed_attention.ts")>(import.meta, "./indexed_attention.ts"),
  () => loadModule<typeof import("./delta_attention.ts")>(import.meta, "./delta_attention.ts"),
  () => loadModule<typeof import("./kimi_k3.ts")>(import.meta, "./kimi_k3.ts"),
  () => loadModule<typeof import("./deepseek4.ts")>(import.meta, "./deepseek4.ts"),
  () => loadModule<typeof import("./minimax_m3.ts")>(import.meta, "./minimax_m3.ts"),
  () => loadModule<typeof import("./minimax_01.ts")>(import.meta, "./minimax_01.ts"),
  () => loadModule<typeof import("./granite_switch.ts")>(import.meta, "./granite_switch.ts"),
  () => loadModule<typeof import("./qwen4exp.ts")>(import.meta, "./qwen4exp.ts"),
  () => loadModule<typeof import("./rwkv.ts")>(import.meta, "./rwkv.ts"),
  () => loadModule<typeof import("./layer_paths.ts")>(import.meta, "./layer_paths.ts"),
  () => loadModule<typeof import("./t5.ts")>(import.meta, "./t5.ts"),
  () => loadModule<typeof import("./encoders.ts")>(import.meta, "./encoders.ts"),
  () =>
    loadModule<typeof import("./diffusion_and_drafts.ts")>(
      import.meta,
      "./diffusion_and_drafts.ts",
    ),
];

/**
 * What is special about an architecture, by its `general.architecture`; nothing where llama.cpp
 * doesn't have it.
 *
 * @example
 * ```ts
 * import { findArchitecture } from "./families.ts";
 * if ((await findArchitecture("llama"))?.memory !== "attention") throw new Error();
 * if (await findArchitecture("llama9") !== undefined) throw new Error();
 * ```
 */
export async function findArchitecture(name: string): Promise<Architecture | undefined> {
  for (const load of FAMILIES) {
    const found = (await load()).ARCHITECTURES.get(name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Every family, for those who compare them with llama.cpp's own. */
export async function allFamilies(): Promise<readonly Family[]> {
  return (await Promise.all(FAMILIES.map((load) => load()))).map((module) => module.ARCHITECTURES);
}

/** A header with what is known of its architecture. */
export interface ReadModel extends GraphSource {
  /** Absent where llama.cpp doesn't have it. */
  readonly architecture: Architecture | undefined;
}

/**
 * Finds a header's architecture and reads its hyperparameters by its rules. Throws what
 * `readHyperparameters` throws.
 */
export async function readModel(header: GgufHeader): Promise<ReadModel> {
  const architecture = await findArchitecture(readArchitecture(header));
  return {
    header,
    architecture,
    shape: readHyperparameters(header, architecture),
    build: architecture?.graph,
  };
}
