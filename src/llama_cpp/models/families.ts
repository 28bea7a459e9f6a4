import type { GgufHeader } from "../../gguf/header.ts";
import type { GraphSource } from "../graph/planned_graph.ts";
import { loadModule } from "../../load_module.ts";
import { readArchitecture } from "../hyperparameters/header_shape.ts";
import { readHyperparameters } from "../hyperparameters/hyperparameters.ts";
import type { Architecture, Family } from "./architecture.ts";

type FamilyModule = { readonly ARCHITECTURES: Family };

// Most models' families first: a family is loaded when those before it don't have the architecture,
// since all of them are more code than the rest of an estimate.
const FAMILIES = {
  plain_attention: () =>
    loadModule<typeof import("./plain_attention.ts")>(import.meta, "./plain_attention.ts"),
  plain_mixtures: () =>
    loadModule<typeof import("./plain_mixtures.ts")>(import.meta, "./plain_mixtures.ts"),
  varied_layers: () =>
    loadModule<typeof import("./varied_layers.ts")>(import.meta, "./varied_layers.ts"),
  sliding_window: () =>
    loadModule<typeof import("./sliding_window.ts")>(import.meta, "./sliding_window.ts"),
  shared_experts: () =>
    loadModule<typeof import("./shared_experts.ts")>(import.meta, "./shared_experts.ts"),
  delta_net: () => loadModule<typeof import("./delta_net.ts")>(import.meta, "./delta_net.ts"),
  sliding_window_experts: () =>
    loadModule<typeof import("./sliding_window_experts.ts")>(
      import.meta,
      "./sliding_window_experts.ts",
    ),
  gemma4: () => loadModule<typeof import("./gemma4.ts")>(import.meta, "./gemma4.ts"),
  latent_attention: () =>
    loadModule<typeof import("./latent_attention.ts")>(import.meta, "./latent_attention.ts"),
  cohere: () => loadModule<typeof import("./cohere.ts")>(import.meta, "./cohere.ts"),
  parallel: () => loadModule<typeof import("./parallel.ts")>(import.meta, "./parallel.ts"),
  layer_norms: () => loadModule<typeof import("./layer_norms.ts")>(import.meta, "./layer_norms.ts"),
  state_space: () => loadModule<typeof import("./state_space.ts")>(import.meta, "./state_space.ts"),
  short_convolution: () =>
    loadModule<typeof import("./short_convolution.ts")>(import.meta, "./short_convolution.ts"),
  nemotron_h: () => loadModule<typeof import("./nemotron_h.ts")>(import.meta, "./nemotron_h.ts"),
  gemma3n: () => loadModule<typeof import("./gemma3n.ts")>(import.meta, "./gemma3n.ts"),
  images_and_speech: () =>
    loadModule<typeof import("./images_and_speech.ts")>(import.meta, "./images_and_speech.ts"),
  sliding_window_predicting: () =>
    loadModule<typeof import("./sliding_window_predicting.ts")>(
      import.meta,
      "./sliding_window_predicting.ts",
    ),
  mixtures: () => loadModule<typeof import("./mixtures.ts")>(import.meta, "./mixtures.ts"),
  indexed_attention: () =>
    loadModule<typeof import("./indexed_attention.ts")>(import.meta, "./indexed_attention.ts"),
  delta_attention: () =>
    loadModule<typeof import("./delta_attention.ts")>(import.meta, "./delta_attention.ts"),
  kimi_k3: () => loadModule<typeof import("./kimi_k3.ts")>(import.meta, "./kimi_k3.ts"),
  deepseek4: () => loadModule<typeof import("./deepseek4.ts")>(import.meta, "./deepseek4.ts"),
  minimax_m3: () => loadModule<typeof import("./minimax_m3.ts")>(import.meta, "./minimax_m3.ts"),
  minimax_01: () => loadModule<typeof import("./minimax_01.ts")>(import.meta, "./minimax_01.ts"),
  granite_switch: () =>
    loadModule<typeof import("./granite_switch.ts")>(import.meta, "./granite_switch.ts"),
  qwen4exp: () => loadModule<typeof import("./qwen4exp.ts")>(import.meta, "./qwen4exp.ts"),
  rwkv: () => loadModule<typeof import("./rwkv.ts")>(import.meta, "./rwkv.ts"),
  layer_paths: () => loadModule<typeof import("./layer_paths.ts")>(import.meta, "./layer_paths.ts"),
  t5: () => loadModule<typeof import("./t5.ts")>(import.meta, "./t5.ts"),
  encoders: () => loadModule<typeof import("./encoders.ts")>(import.meta, "./encoders.ts"),
  diffusion_and_drafts: () =>
    loadModule<typeof import("./diffusion_and_drafts.ts")>(
      import.meta,
      "./diffusion_and_drafts.ts",
    ),
} satisfies Readonly<Record<string, () => Promise<FamilyModule>>>;

/**
 * Families of architectures that many people's models have and that don't come first: they are
 * loaded at once, without those before them.
 */
export const FREQUENT: Readonly<Record<string, keyof typeof FAMILIES>> = {
  "deepseek2": "latent_attention",
  "gemma2": "sliding_window",
  "gemma3": "sliding_window",
  "gemma3n": "gemma3n",
  "gemma4": "gemma4",
  "glm4moe": "shared_experts",
  "gpt-oss": "sliding_window_experts",
  "llama4": "sliding_window_experts",
  "mamba": "state_space",
  "phi3": "varied_layers",
  "qwen35": "delta_net",
  "qwen35moe": "delta_net",
  "qwen3moe": "plain_mixtures",
  "qwen3next": "delta_net",
};

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
  const frequent = Object.hasOwn(FREQUENT, name) ? FREQUENT[name] : undefined;
  const all: readonly (() => Promise<FamilyModule>)[] = Object.values(FAMILIES);
  for (const load of frequent === undefined ? all : [FAMILIES[frequent], ...all]) {
    const found = (await load()).ARCHITECTURES.get(name);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Every family, for those who compare them with llama.cpp's own. */
export async function allFamilies(): Promise<readonly Family[]> {
  const modules: readonly FamilyModule[] = await Promise.all(
    Object.values(FAMILIES).map((load) => load()),
  );
  return modules.map(({ ARCHITECTURES }) => ARCHITECTURES);
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
