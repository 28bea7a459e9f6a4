import type { GgufHeader } from "../../gguf/header.ts";
import type { GraphSource } from "../graph/planned_graph.ts";
import { readArchitecture } from "../hyperparameters/header_shape.ts";
import { readHyperparameters } from "../hyperparameters/hyperparameters.ts";
import type { Architecture, Family } from "./architecture.ts";

/** A module of this folder that has a family. */
type FamilyModule = { readonly ARCHITECTURES: Family };

// Most models' families first: a family is loaded when those before it don't have the architecture,
// since all of them are more code than the rest of an estimate. `as string` hides them from Deno's
// module graph.
const FAMILIES: readonly (() => Promise<FamilyModule>)[] = [
  () => import("./plain_attention.ts" as string),
  () => import("./sliding_window.ts" as string),
  () => import("./delta_net.ts" as string),
  () => import("./gemma4.ts" as string),
  () => import("./latent_attention.ts" as string),
  () => import("./parallel.ts" as string),
  () => import("./state_space.ts" as string),
  () => import("./gemma3n.ts" as string),
  () => import("./images_and_speech.ts" as string),
  () => import("./mixtures.ts" as string),
  () => import("./indexed_attention.ts" as string),
  () => import("./delta_attention.ts" as string),
  () => import("./deepseek4.ts" as string),
  () => import("./minimax_m3.ts" as string),
  () => import("./minimax_01.ts" as string),
  () => import("./granite_switch.ts" as string),
  () => import("./qwen4exp.ts" as string),
  () => import("./rwkv.ts" as string),
  () => import("./layer_paths.ts" as string),
  () => import("./t5.ts" as string),
  () => import("./encoders.ts" as string),
  () => import("./diffusion_and_drafts.ts" as string),
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
