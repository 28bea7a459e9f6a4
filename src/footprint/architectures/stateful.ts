import type { ArchitectureLayout } from "../architecture_layout.ts";
import { hybrid, recurrent } from "./layout.ts";

/** Text with a recurrent state, alone or beside attention. */
export const STATEFUL_ARCHITECTURES: readonly (readonly [string, ArchitectureLayout])[] = [
  ["arwkv7", recurrent("models/arwkv7.cpp", { recurrentLayers: "every" })],
  [
    "bailingmoe3",
    hybrid("models/bailingmoe3.cpp", {
      recurrentLayers: "no-kv-heads",
      predictionLayersSkipped: true,
      latentAttention: true,
    }),
  ],
  [
    "falcon-h1",
    hybrid("models/falcon-h1.cpp", { recurrentLayers: "every", cachedLayers: "every" }),
  ],
  ["granitehybrid", hybrid("models/granite-hybrid.cpp", { recurrentLayers: "no-kv-heads" })],
  ["jamba", hybrid("models/jamba.cpp", { recurrentLayers: "no-kv-heads", noStateGroups: true })],
  [
    "kimi-k3",
    hybrid("models/kimi-k3.cpp", { recurrentLayers: "no-kv-heads", latentAttention: true }),
  ],
  [
    "kimi-linear",
    hybrid("models/kimi-linear.cpp", { recurrentLayers: "no-kv-heads", latentAttention: true }),
  ],
  [
    "lfm2",
    hybrid("models/lfm2.cpp", {
      slidingWindow: { kind: "standard", when: "window", pattern: "not-recurrent" },
      recurrentLayers: "no-kv-heads",
    }),
  ],
  ["lfm2moe", hybrid("models/lfm2moe.cpp", { recurrentLayers: "no-kv-heads" })],
  ["mamba", recurrent("models/mamba.cpp", { recurrentLayers: "every", noStateGroups: true })],
  ["mamba2", recurrent("models/mamba2.cpp", { recurrentLayers: "every" })],
  [
    "minimax-01",
    hybrid("models/minimax-01.cpp", { recurrentLayers: { interval: 8 }, cachedLayers: "text" }),
  ],
  [
    "nemotron_h",
    hybrid("models/nemotron-h.cpp", {
      recurrentLayers: "no-kv-heads-no-feed-forward",
      cachedLayers: "no-feed-forward",
      predictionLayersSkipped: true,
    }),
  ],
  [
    "nemotron_h_moe",
    hybrid("models/nemotron-h-moe.cpp", {
      recurrentLayers: "no-kv-heads-no-feed-forward",
      cachedLayers: "no-feed-forward",
      predictionLayersSkipped: true,
    }),
  ],
  ["plamo2", hybrid("models/plamo2.cpp", { recurrentLayers: "no-kv-heads" })],
  [
    "qwen35",
    hybrid("models/qwen35.cpp", {
      recurrentLayers: { interval: 4 },
      cachedLayers: "text",
      predictionLayersSkipped: true,
    }),
  ],
  [
    "qwen35moe",
    hybrid("models/qwen35moe.cpp", {
      recurrentLayers: { interval: 4 },
      cachedLayers: "text",
      predictionLayersSkipped: true,
    }),
  ],
  [
    "qwen3next",
    hybrid("models/qwen3next.cpp", {
      recurrentLayers: { interval: 4 },
      cachedLayers: "text",
      predictionLayersSkipped: true,
    }),
  ],
  [
    "qwen4exp",
    hybrid("models/qwen4exp.cpp", {
      recurrentLayers: { interval: 4 },
      cachedLayers: "text",
      indexerLayers: "cached",
    }),
  ],
  ["rwkv6", recurrent("models/rwkv6.cpp", { recurrentLayers: "every" })],
  ["rwkv6qwen2", recurrent("models/rwkv6qwen2.cpp", { recurrentLayers: "every" })],
  ["rwkv7", recurrent("models/rwkv7.cpp", { recurrentLayers: "every" })],
];
