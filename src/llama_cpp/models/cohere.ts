import {
  attention,
  demandExperts,
  embedding,
  gatedFeedForward,
  gateUpExperts,
  type Loads,
  mayRoute,
  norm,
  outputOrTied,
  predictionHead,
  predictionPresence,
  queryKeyValue,
  router,
  sharedExperts,
  squareRows,
  tiedOutput,
  WINDOW_PATTERN,
} from "../loading/blocks.ts";
import { demandGating, demandHeads, demandRotation } from "../loading/graph_demands.ts";
import { type Loader, NEEDED, OPTIONAL } from "../loading/loader.ts";
import { attentionCache, type Family, family } from "./architecture.ts";
import type { Builder } from "../graph/builder.ts";
import { parallel } from "./parallel.ts";
import {
  buildTransformer,
  HEADER_EXPERTS,
  QUERY_KEY_NORM,
  transformer,
  type TransformerRow,
} from "../graph/transformer.ts";

/** src/models/command-r.cpp, cohere2.cpp and cohere2moe.cpp */
const commandR = parallel((graph, { fed, y, residual }) => graph.add(graph.add(fed, residual), y));

/** The header says which norm it has. */
function buildCohere2Moe(b: Builder): void {
  const isRms = b.keys.real("attention.layer_norm_rms_epsilon") !== 0;
  const row: TransformerRow = {
    norm: isRms ? "rms" : "layer",
    rope: "sliding-or-dense",
    ...HEADER_EXPERTS,
    lateOutputs: "after-norm",
    averagesShared: true,
  };
  buildTransformer(b, row, commandR);
}

/** Models of this depth and more have norms on queries and keys (src/models/command-r.cpp). */
const LAYERS_WITH_HEAD_NORMS = 64;

/** Layers with one norm, before both halves of each. */
function commandLayers(l: Loader, hasHeadNorms = false): void {
  demandHeads(l, { square: true });
  demandRotation(l);
  embedding(l);
  tiedOutput(l);
  for (const layer of l.layers()) {
    norm(layer, "attn_norm");
    if (hasHeadNorms) {
      layer.need("attn_q_norm.weight", l.keyLength(), l.heads());
      layer.need("attn_k_norm.weight", l.keyLength(), l.keyValueHeads());
    }
    queryKeyValue(layer, squareRows(l));
    layer.need("attn_output.weight", l.embedding, l.embedding);
    gatedFeedForward(layer);
  }
}

const commandRLoads: Loads = (l) => {
  l.mayKey("logit_scale");
  l.key("attention.layer_norm_epsilon");
  commandLayers(l, l.layerCount >= LAYERS_WITH_HEAD_NORMS);
};

const cohere2: Loads = (l) => {
  l.maySingleKey(WINDOW_PATTERN);
  l.mayKey("rope.freq_base_swa");
  l.key("attention.sliding_window");
  l.key("logit_scale");
  l.key("attention.layer_norm_epsilon");
  commandLayers(l);
};

const cohere2Moe: Loads = (l) => {
  const isRms = l.mayKey("attention.layer_norm_rms_epsilon");
  if (!isRms) l.key("attention.layer_norm_epsilon");
  else l.mayKey("attention.layer_norm_epsilon");
  l.key("attention.sliding_window");
  l.key("logit_scale");
  l.key("leading_dense_block_count");
  l.layerKey("expert_feed_forward_length");
  l.mayKey("expert_shared_feed_forward_length");
  l.mayKey("expert_shared_count");
  mayRoute(l);
  demandGating(l, true);
  l.layerKey(WINDOW_PATTERN, l.layerCount);
  l.mayKey("rope.freq_base_swa");
  demandHeads(l, { rope: true });
  demandExperts(l);
  const { leadingDenseLayerCount, sharedCount, sharedFeedForwardLength } =
    l.hyperparameters.experts;
  const size = l.expertFeedForward() || l.feedForward();
  embedding(l);
  outputOrTied(l);
  for (const layer of l.layers(l.allLayerCount)) {
    const predicts = layer.index >= l.layerCount;
    const presence = predicts ? predictionPresence(l) : NEEDED;
    attention(layer, { keys: l.values(), presence });
    if (predicts) predictionHead(layer, presence, OPTIONAL);
    else if (layer.index < leadingDenseLayerCount) {
      gatedFeedForward(layer);
      continue;
    }
    router(layer, presence);
    layer.take(presence, "ffn_down_exps.weight", size, l.embedding, l.experts);
    gateUpExperts(layer, size, presence);
    if (sharedCount === 0) continue;
    sharedExperts(layer, sharedFeedForwardLength || size * sharedCount, presence);
  }
};

/** Cohere's models, whose feed-forward doesn't wait for attention. */
export const ARCHITECTURES: Family = family({
  "command-r": attentionCache("models/command-r.cpp", {
    scales: { logit_scale: 0 },
    graph: transformer({ ...QUERY_KEY_NORM, norm: "layer" }, commandR),
    loads: commandRLoads,
  }),
  "cohere2": attentionCache("models/cohere2.cpp", {
    scales: { logit_scale: 0 },
    scalesFeedForward: true,
    graph: transformer({ norm: "layer", rope: "sliding" }, commandR),
    loads: cohere2,
    slidingWindow: { pattern: { period: 4 } },
  }),
  "cohere2moe": attentionCache("models/cohere2moe.cpp", {
    scalesSharedExpert: true,
    unusedWeights: /^output\.scale$/,
    scales: { logit_scale: 0 },
    scalesFeedForward: true,
    graph: buildCohere2Moe,
    loads: cohere2Moe,
    slidingWindow: { pattern: { period: 4, denseFirst: true, orLayers: true } },
    predictionLayersSkipped: /^(?!.*\.(ffn_gate_up_exps|nextn\.(embed_tokens|shared_head_\w+))\.)/,
    scalesExperts: true,
  }),
});
