import type { GraphBuilder } from "../graph/builder.ts";
import { buildTransformer } from "./transformer.ts";
import { TRANSFORMER_ROWS } from "./transformer_rows.ts";

/** Architectures that are built alike, and the module that does. */
export interface Family {
  readonly architectures: readonly string[];
  readonly load: () => Promise<{ readonly BUILDERS: ReadonlyMap<string, GraphBuilder> }>;
}

// Each is loaded when one of its architectures is asked for: all of them are more code than the
// rest of an estimate. `as string` hides them from Deno's module graph.
export const FAMILIES: readonly Family[] = [
  {
    architectures: [
      "falcon",
      "phi2",
      "command-r",
      "cohere2",
      "cohere2moe",
      "plamo",
      "gptneox",
      "stablelm",
    ],
    load: () => import("./parallel.ts" as string),
  },
  {
    architectures: [
      "mamba",
      "mamba2",
      "jamba",
      "falcon-h1",
      "granitehybrid",
      "nemotron_h",
      "nemotron_h_moe",
      "lfm2",
      "lfm2moe",
      "plamo2",
    ],
    load: () => import("./state_space.ts" as string),
  },
  {
    architectures: [
      "arctic",
      "baichuan",
      "chameleon",
      "cogvlm",
      "deci",
      "grok",
      "grovemoe",
      "smallthinker",
      "talkie",
      "nanbeige",
      "qwen3vl",
      "qwen3vlmoe",
      "qwen3tts",
    ],
    load: () => import("./unusual.ts" as string),
  },
  {
    architectures: ["deepseek2", "mistral4", "deepseek2-ocr", "minicpm3", "plm"],
    load: () => import("./latent.ts" as string),
  },
  {
    architectures: ["qwen3next", "qwen35", "qwen35moe"],
    load: () => import("./delta_net.ts" as string),
  },
  {
    architectures: ["kimi-linear", "bailingmoe3", "kimi-k3"],
    load: () => import("./delta_attention.ts" as string),
  },
  {
    architectures: ["deepseek32", "glm-dsa", "dots3note"],
    load: () => import("./indexed.ts" as string),
  },
  {
    architectures: ["rwkv6", "rwkv7", "rwkv6qwen2", "arwkv7"],
    load: () => import("./rwkv.ts" as string),
  },
  { architectures: ["deepseek4"], load: () => import("./compressed.ts" as string) },
  {
    architectures: ["graniteswitch"],
    load: () => import("./granite_switch.ts" as string),
  },
  { architectures: ["minimax-01"], load: () => import("./minimax.ts" as string) },
  { architectures: ["minimax-m3"], load: () => import("./minimax_m3.ts" as string) },
  { architectures: ["t5"], load: () => import("./encoder_decoder.ts" as string) },
  { architectures: ["gemma3n"], load: () => import("./gemma3n.ts" as string) },
  { architectures: ["gemma4"], load: () => import("./gemma.ts" as string) },
  { architectures: ["qwen4exp"], load: () => import("./qwen4exp.ts" as string) },
];

/** Every architecture whose graph is followed. */
export const BUILT_ARCHITECTURES: readonly string[] = [
  ...TRANSFORMER_ROWS.keys(),
  ...FAMILIES.flatMap(({ architectures }) => architectures),
];

/**
 * What builds the graph of an architecture that llama.cpp generates text with; nothing
 * where that isn't known.
 */
export async function findGraphBuilder(architecture: string): Promise<GraphBuilder | undefined> {
  const row = TRANSFORMER_ROWS.get(architecture);
  if (row !== undefined) return (b) => buildTransformer(b, row);
  const family = FAMILIES.find(({ architectures }) => architectures.includes(architecture));
  return (await family?.load())?.BUILDERS.get(architecture);
}
