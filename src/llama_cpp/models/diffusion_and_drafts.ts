import {
  type Architecture,
  attentionCache,
  type Family,
  family,
  noMemory,
} from "./architecture.ts";
import { QUERY_KEY_NORM, transformer, type TransformerRow } from "../graph/transformer.ts";

function diffusion(
  source: string,
  row: TransformerRow = {},
  unused: { readonly unusedWeights?: RegExp } = {},
): Architecture {
  const graph = transformer({ ...row, withoutCache: true });
  return noMemory(source, { ...unused, graph, purpose: "diffusion", notCausal: true });
}

/** Diffusion models, and drafts for another model to check: they can be estimated, and make no text alone. */
export const ARCHITECTURES: Family = family({
  "dream": diffusion("models/dream.cpp", {}, { unusedWeights: /^output\.bias$/ }),
  "llada": diffusion("models/llada.cpp", {}, { unusedWeights: /\.bias$|^rope_freqs/ }),
  "llada-moe": diffusion("models/llada-moe.cpp", { ...QUERY_KEY_NORM, weightsNorm: false }),
  "rnd1": diffusion("models/rnd1.cpp", QUERY_KEY_NORM),
  "dflash": attentionCache("models/dflash.cpp", {
    purpose: "draft",
    slidingWindow: { when: "window", pattern: "any-length" },
  }),
  "eagle3": attentionCache("models/eagle3.cpp", { purpose: "draft" }),
});
