import { attentionCache, type Family, family, noMemory } from "./architecture.ts";

/** Encoders: they can be estimated, and make no text. */
export const ARCHITECTURES: Family = family({
  "bert": noMemory("models/bert.cpp", { purpose: "encoder" }),
  "eurobert": noMemory("models/eurobert.cpp", { purpose: "encoder" }),
  "gemma-embedding": noMemory("models/gemma-embedding.cpp", {
    purpose: "encoder",
    slidingWindow: { kind: "symmetric", pattern: { period: 6 } },
    notCausal: true,
  }),
  "jina-bert-v2": noMemory("models/jina-bert-v2.cpp", { purpose: "encoder", alibi: "always" }),
  "jina-bert-v3": noMemory("models/jina-bert-v3.cpp", { purpose: "encoder" }),
  "llama-embed": attentionCache("models/llama-embed.cpp", { purpose: "encoder" }),
  "modern-bert": noMemory("models/modern-bert.cpp", {
    purpose: "encoder",
    slidingWindow: { kind: "symmetric", when: "window", pattern: { period: 3, denseFirst: true } },
  }),
  "neo-bert": noMemory("models/neo-bert.cpp", { purpose: "encoder" }),
  "nomic-bert": noMemory("models/nomic-bert.cpp", { purpose: "encoder" }),
  "nomic-bert-moe": noMemory("models/nomic-bert-moe.cpp", { purpose: "encoder" }),
});
