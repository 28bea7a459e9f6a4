import { attentionCache, type Family, family } from "./architecture.ts";
import { feedForward } from "../graph/blocks/feed_forward.ts";
import {
  decompressedAttention,
  latentAttention,
  latentQuery,
  latentSizes,
} from "../graph/blocks/latent_attention.ts";
import type { Builder } from "../graph/builder.ts";
import {
  buildTransformer,
  feed,
  keepOutputs,
  type LayerBuilder,
  transformer,
  type TransformerRow,
} from "../graph/transformer.ts";

/** src/models/deepseek2.cpp */
const deepseek2: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  let y = latentAttention(b, layer, b.norm(x, "rms"), {
    ropes: true,
    temperature: b.keys.real("attention.temperature_scale") !== 0,
  });
  let residual = x;
  [y, residual] = keepOutputs(b, layer, [y, residual] as const);
  const middle = graph.add(y, residual);
  return graph.add(feed(b, row, layer, b.norm(middle, "rms")), middle);
};

/** src/models/minicpm3.cpp and plm.cpp */
const miniCpm3: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const normed = b.norm(x, "rms");
  const { q } = latentQuery(b, layer, normed);
  let y = decompressedAttention(b, layer, normed, {
    query: q,
    sizes: latentSizes(b),
    ropes: true,
  });
  let residual = x;
  [y, residual] = keepOutputs(b, layer, [y, residual] as const);
  const middle = graph.add(y, residual);
  const fed = feedForward(b, layer, b.norm(middle, "rms"), row.activation ?? "gated");
  return graph.add(fed, middle);
};

const HEADER_EXPERTS: TransformerRow = { gating: "header", weightsNorm: "header" };

/** The embedding is scaled after the last norm, where it must stay readable. */
function buildMiniCpm3(b: Builder): void {
  b.scalesEmbedding = true;
  buildTransformer(b, {}, miniCpm3);
}

/** Architectures with multi-head latent attention on every layer. */
export const ARCHITECTURES: Family = family({
  "deepseek2": attentionCache("models/deepseek2.cpp", {
    graph: transformer(HEADER_EXPERTS, deepseek2),
    predictionLayersSkipped: true,
    latentAttention: true,
  }),
  "deepseek2-ocr": attentionCache("models/deepseek2ocr.cpp", {
    graph: transformer(HEADER_EXPERTS),
  }),
  "minicpm3": attentionCache("models/minicpm3.cpp", { graph: buildMiniCpm3 }),
  "mistral4": attentionCache("models/mistral4.cpp", {
    graph: transformer(HEADER_EXPERTS, deepseek2),
    predictionLayersSkipped: true,
    latentAttention: true,
  }),
  "plm": attentionCache("models/plm.cpp", {
    graph: transformer({ activation: "plain" }, miniCpm3),
    // Its values have lost their heads when they are stored.
    breaksWithFlashAttention: true,
  }),
});
