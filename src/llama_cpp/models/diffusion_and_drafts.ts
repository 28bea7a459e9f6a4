import { attentionCache, type Family, family, noMemory } from "./architecture.ts";
import { transformer, type TransformerRow } from "../graph/transformer.ts";

const QUERY_KEY_NORM: TransformerRow = { queryKeyNorm: "before-rope" };

/** Diffusion models, and drafts for another model to check: they can be estimated, and make no text alone. */
export const ARCHITECTURES: Family = family({
  "dream": noMemory("models/dream.cpp", {
    graph: transformer({ withoutCache: true }),
    purpose: "diffusion",
    notCausal: true,
  }),
  "llada": noMemory("models/llada.cpp", {
    graph: transformer({ withoutCache: true }),
    purpose: "diffusion",
    notCausal: true,
  }),
  "llada-moe": noMemory("models/llada-moe.cpp", {
    graph: transformer({ ...QUERY_KEY_NORM, withoutCache: true, weightsNorm: false }),
    purpose: "diffusion",
    notCausal: true,
  }),
  "rnd1": noMemory("models/rnd1.cpp", {
    graph: transformer({ ...QUERY_KEY_NORM, withoutCache: true }),
    purpose: "diffusion",
    notCausal: true,
  }),
  "dflash": attentionCache("models/dflash.cpp", {
    purpose: "draft",
    slidingWindow: { when: "window", pattern: "any-length" },
  }),
  "eagle3": attentionCache("models/eagle3.cpp", { purpose: "draft" }),
});
