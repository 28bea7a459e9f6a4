import type { ArchitectureLayout } from "../hyperparameters/architecture_layout.ts";
import { attention } from "./layout.ts";

/** Text from attention in which some layers look at a sliding window. */
export const WINDOWED_ARCHITECTURES: readonly (readonly [string, ArchitectureLayout])[] = [
  [
    "afmoe",
    attention("models/afmoe.cpp", {
      slidingWindow: { kind: "standard", when: "window", pattern: { period: 4 } },
    }),
  ],
  [
    "cohere2",
    attention("models/cohere2.cpp", {
      slidingWindow: { kind: "standard", when: "always", pattern: { period: 4 } },
    }),
  ],
  [
    "cohere2moe",
    attention("models/cohere2moe.cpp", {
      slidingWindow: {
        kind: "standard",
        when: "always",
        pattern: { period: 4, denseFirst: true, orLayers: true },
      },
      predictionLayersSkipped: true,
    }),
  ],
  [
    "exaone-moe",
    attention("models/exaone-moe.cpp", {
      slidingWindow: { kind: "standard", when: "always", pattern: { period: 4 } },
      predictionLayersSkipped: true,
    }),
  ],
  [
    "exaone4",
    attention("models/exaone4.cpp", {
      slidingWindow: {
        kind: "standard",
        when: "64-layers",
        pattern: { period: 4 },
        defaultWindow: 4096,
      },
      predictionLayersSkipped: true,
    }),
  ],
  [
    "gemma2",
    attention("models/gemma2.cpp", {
      slidingWindow: {
        kind: "standard",
        when: "always",
        pattern: { period: 2 },
        defaultWindow: 4096,
      },
    }),
  ],
  [
    "gemma3",
    attention("models/gemma3.cpp", {
      slidingWindow: { kind: "standard", when: "window", pattern: { period: 6 } },
    }),
  ],
  [
    "gemma3n",
    attention("models/gemma3n.cpp", {
      slidingWindow: { kind: "standard", when: "always", pattern: { period: 5 } },
      ownCaches: 20,
    }),
  ],
  [
    "gemma4",
    attention("models/gemma4.cpp", {
      slidingWindow: { kind: "standard", when: "always", pattern: "layers" },
      ownCaches: "less-shared",
    }),
  ],
  [
    "gpt-oss",
    attention("models/openai-moe.cpp", {
      slidingWindow: { kind: "standard", when: "always", pattern: { period: 2 } },
    }),
  ],
  [
    "granite_swa",
    attention("models/granite-swa.cpp", {
      slidingWindow: { kind: "standard", when: "always", pattern: "any-length" },
    }),
  ],
  [
    "laguna",
    attention("models/laguna.cpp", {
      slidingWindow: { kind: "standard", when: "window", pattern: { period: 4, denseFirst: true } },
    }),
  ],
  [
    "llama4",
    attention("models/llama4.cpp", {
      slidingWindow: {
        kind: "chunked",
        when: "unless-zero",
        pattern: { period: 4 },
        fixedWindow: 8192,
      },
    }),
  ],
  [
    "mellum",
    attention("models/mellum.cpp", {
      slidingWindow: { kind: "standard", when: "window", pattern: { period: 4, orLayers: true } },
    }),
  ],
  [
    "mimo2",
    attention("models/mimo2.cpp", {
      slidingWindow: { kind: "standard", when: "always", pattern: "layers" },
      predictionLayersUncached: true,
      predictionLayersSkipped: true,
    }),
  ],
  [
    "muse-glimmer",
    attention("models/muse-glimmer.cpp", {
      slidingWindow: { kind: "standard", when: "always", pattern: { period: 4, orLayers: true } },
    }),
  ],
  [
    "olmo2",
    attention("models/olmo2.cpp", {
      slidingWindow: { kind: "standard", when: "window", pattern: { period: 4 } },
    }),
  ],
  [
    "plamo3",
    attention("models/plamo3.cpp", {
      slidingWindow: { kind: "standard", when: "window", pattern: { period: 8 } },
    }),
  ],
  [
    "smallthinker",
    attention("models/smallthinker.cpp", {
      slidingWindow: {
        kind: "standard",
        when: "window",
        pattern: { period: 4, denseFirst: true },
        fixedWindow: 4096,
      },
    }),
  ],
  [
    "step35",
    attention("models/step35.cpp", {
      slidingWindow: { kind: "standard", when: "always", pattern: "all-layers" },
      predictionLayersUncached: true,
      predictionLayersSkipped: true,
    }),
  ],
];
