import { attentionCache, type Family, family } from "./architecture.ts";
import { decompressedAttention, latentAttention } from "../graph/blocks/latent_attention.ts";
import type { Builder } from "../graph/builder.ts";
import {
  buildTransformer,
  HEADER_EXPERTS,
  type LayerBuilder,
  transformer,
} from "../graph/transformer.ts";

const attendLatent: LayerBuilder = (b, _row, layer, x) =>
  latentAttention(b, layer, x, {
    ropes: true,
    temperature: b.keys.real("attention.temperature_scale") !== 0,
  });

const attendDecompressed: LayerBuilder = (b, _row, layer, x) =>
  decompressedAttention(b, layer, x, { ropes: true });

/** The embedding is scaled after the last norm, where it must stay readable. */
function buildMiniCpm3(b: Builder): void {
  b.scalesEmbedding = true;
  buildTransformer(b, { mix: attendDecompressed });
}

/** Architectures with multi-head latent attention on every layer. */
export const ARCHITECTURES: Family = family({
  "deepseek2": attentionCache("models/deepseek2.cpp", {
    graph: transformer({ ...HEADER_EXPERTS, mix: attendLatent }),
    predictionLayersSkipped: true,
    latentAttention: true,
  }),
  "deepseek2-ocr": attentionCache("models/deepseek2ocr.cpp", {
    graph: transformer(HEADER_EXPERTS),
  }),
  "minicpm3": attentionCache("models/minicpm3.cpp", { graph: buildMiniCpm3 }),
  "mistral4": attentionCache("models/mistral4.cpp", {
    graph: transformer({ ...HEADER_EXPERTS, mix: attendLatent }),
    predictionLayersSkipped: true,
    latentAttention: true,
  }),
  "plm": attentionCache("models/plm.cpp", {
    graph: transformer({ activation: "plain", mix: attendDecompressed }),
    // Its values have lost their heads when they are stored.
    breaksWithFlashAttention: true,
  }),
});
