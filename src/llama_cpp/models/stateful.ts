import type { ArchitectureLayout } from "../hyperparameters/architecture_layout.ts";
import { hybrid, recurrent } from "./layout.ts";

/** Text with a recurrent state, alone or beside attention. */
export const STATEFUL_ARCHITECTURES: readonly (readonly [string, ArchitectureLayout])[] = [
  ["arwkv7", recurrent("models/arwkv7.cpp", { recurrentLayers: "every", state: "wkv" })],
  [
    "bailingmoe3",
    hybrid("models/bailingmoe3.cpp", {
      recurrentLayers: "no-kv-heads",
      state: "delta",
      predictionLayersSkipped: true,
      latentAttention: true,
    }),
  ],
  [
    "falcon-h1",
    hybrid("models/falcon-h1.cpp", {
      recurrentLayers: "every",
      cachedLayers: "every",
      state: "state-space",
    }),
  ],
  [
    "granitehybrid",
    hybrid("models/granite-hybrid.cpp", { recurrentLayers: "no-kv-heads", state: "state-space" }),
  ],
  [
    "jamba",
    hybrid("models/jamba.cpp", {
      recurrentLayers: "no-kv-heads",
      state: "state-space",
      noStateGroups: true,
    }),
  ],
  [
    "kimi-k3",
    hybrid("models/kimi-k3.cpp", {
      recurrentLayers: "no-kv-heads",
      state: "delta",
      latentAttention: true,
    }),
  ],
  [
    "kimi-linear",
    hybrid("models/kimi-linear.cpp", {
      recurrentLayers: "no-kv-heads",
      state: "delta",
      latentAttention: true,
    }),
  ],
  [
    "lfm2",
    hybrid("models/lfm2.cpp", {
      slidingWindow: { kind: "standard", when: "window", pattern: "not-recurrent" },
      recurrentLayers: "no-kv-heads",
      state: "short-convolution",
    }),
  ],
  [
    "lfm2moe",
    hybrid("models/lfm2moe.cpp", { recurrentLayers: "no-kv-heads", state: "short-convolution" }),
  ],
  [
    "mamba",
    recurrent("models/mamba.cpp", {
      recurrentLayers: "every",
      state: "state-space",
      noStateGroups: true,
    }),
  ],
  ["mamba2", recurrent("models/mamba2.cpp", { recurrentLayers: "every", state: "state-space" })],
  [
    "minimax-01",
    hybrid("models/minimax-01.cpp", {
      recurrentLayers: { interval: 8 },
      cachedLayers: "text",
      state: "linear-attention",
    }),
  ],
  [
    "nemotron_h",
    hybrid("models/nemotron-h.cpp", {
      recurrentLayers: "no-kv-heads-no-feed-forward",
      cachedLayers: "no-feed-forward",
      state: "state-space",
      predictionLayersSkipped: true,
    }),
  ],
  [
    "nemotron_h_moe",
    hybrid("models/nemotron-h-moe.cpp", {
      recurrentLayers: "no-kv-heads-no-feed-forward",
      cachedLayers: "no-feed-forward",
      state: "state-space",
      predictionLayersSkipped: true,
    }),
  ],
  ["plamo2", hybrid("models/plamo2.cpp", { recurrentLayers: "no-kv-heads", state: "state-space" })],
  [
    "qwen35",
    hybrid("models/qwen35.cpp", {
      recurrentLayers: { interval: 4 },
      cachedLayers: "text",
      state: "state-space",
      predictionLayersSkipped: true,
    }),
  ],
  [
    "qwen35moe",
    hybrid("models/qwen35moe.cpp", {
      recurrentLayers: { interval: 4 },
      cachedLayers: "text",
      state: "state-space",
      predictionLayersSkipped: true,
    }),
  ],
  [
    "qwen3next",
    hybrid("models/qwen3next.cpp", {
      recurrentLayers: { interval: 4 },
      cachedLayers: "text",
      state: "state-space",
      predictionLayersSkipped: true,
    }),
  ],
  [
    "qwen4exp",
    hybrid("models/qwen4exp.cpp", {
      recurrentLayers: { interval: 4 },
      cachedLayers: "text",
      indexerLayers: "cached",
      state: "state-space",
    }),
  ],
  ["rwkv6", recurrent("models/rwkv6.cpp", { recurrentLayers: "every", state: "wkv" })],
  ["rwkv6qwen2", recurrent("models/rwkv6qwen2.cpp", { recurrentLayers: "every", state: "wkv" })],
  ["rwkv7", recurrent("models/rwkv7.cpp", { recurrentLayers: "every", state: "wkv" })],
];
