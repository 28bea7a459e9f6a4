import type { ArchitectureLayout } from "../hyperparameters/architecture_layout.ts";
import { attention, compressed, memoryless } from "./layout.ts";

/** Indexers and compressed caches, and what doesn't make text: encoders, diffusion, audio, drafts. */
export const SPECIAL_ARCHITECTURES: readonly (readonly [string, ArchitectureLayout])[] = [
  ["bert", memoryless("models/bert.cpp", { purpose: "encoder" })],
  ["clip", memoryless("models/clip.cpp", { purpose: "encoder" })],
  [
    "deepseek32",
    attention("models/deepseek32.cpp", {
      indexerLayers: "text",
      predictionLayersUncached: true,
      predictionLayersSkipped: true,
      latentAttention: true,
    }),
  ],
  [
    "deepseek4",
    compressed("models/deepseek4.cpp", {
      slidingWindow: { kind: "standard", when: "always", pattern: "every" },
      predictionLayersSkipped: true,
    }),
  ],
  [
    "dflash",
    attention("models/dflash.cpp", {
      purpose: "draft",
      slidingWindow: { kind: "standard", when: "window", pattern: "any-length" },
    }),
  ],
  [
    "dots3note",
    attention("models/dots3note.cpp", {
      slidingWindow: { kind: "standard", when: "always", pattern: "any-length" },
      indexerLayers: "full",
      predictionLayersUncached: true,
      predictionLayersSkipped: true,
      latentAttention: true,
    }),
  ],
  ["dream", memoryless("models/dream.cpp", { purpose: "diffusion", notCausal: true })],
  ["eagle3", attention("models/eagle3.cpp", { purpose: "draft" })],
  ["eurobert", memoryless("models/eurobert.cpp", { purpose: "encoder" })],
  [
    "gemma-embedding",
    memoryless("models/gemma-embedding.cpp", {
      purpose: "encoder",
      slidingWindow: { kind: "symmetric", when: "always", pattern: { period: 6 } },
      notCausal: true,
    }),
  ],
  [
    "gemma4-assistant",
    attention("models/gemma4-assistant.cpp", {
      purpose: "draft",
      slidingWindow: { kind: "standard", when: "always", pattern: "all-layers" },
    }),
  ],
  [
    "glm-dsa",
    attention("models/glm-dsa.cpp", {
      indexerLayers: "full",
      predictionLayersUncached: true,
      predictionLayersSkipped: true,
      latentAttention: true,
    }),
  ],
  ["jina-bert-v2", memoryless("models/jina-bert-v2.cpp", { purpose: "encoder" })],
  ["jina-bert-v3", memoryless("models/jina-bert-v3.cpp", { purpose: "encoder" })],
  ["llada", memoryless("models/llada.cpp", { purpose: "diffusion", notCausal: true })],
  ["llada-moe", memoryless("models/llada-moe.cpp", { purpose: "diffusion", notCausal: true })],
  ["llama-embed", attention("models/llama-embed.cpp", { purpose: "encoder" })],
  ["minimax-m3", attention("models/minimax-m3.cpp", { indexerLayers: "after-dense" })],
  [
    "modern-bert",
    memoryless("models/modern-bert.cpp", {
      purpose: "encoder",
      slidingWindow: {
        kind: "symmetric",
        when: "window",
        pattern: { period: 3, denseFirst: true },
      },
    }),
  ],
  ["neo-bert", memoryless("models/neo-bert.cpp", { purpose: "encoder" })],
  ["nomic-bert", memoryless("models/nomic-bert.cpp", { purpose: "encoder" })],
  ["nomic-bert-moe", memoryless("models/nomic-bert-moe.cpp", { purpose: "encoder" })],
  ["pockettts", attention("models/pockettts.cpp", { purpose: "audio" })],
  ["qwen3tts", attention("models/qwen3tts.cpp", { purpose: "audio" })],
  ["rnd1", memoryless("models/rnd1.cpp", { purpose: "diffusion", notCausal: true })],
  ["t5encoder", attention("models/t5encoder.cpp", { purpose: "encoder" })],
  ["wavtokenizer-dec", memoryless("models/wavtokenizer-dec.cpp", { purpose: "audio" })],
];
