import { attentionCache, type Family, family } from "./architecture.ts";
import type { Builder } from "../graph/builder.ts";
import {
  attend,
  begin,
  end,
  feed,
  keepOutputs,
  type LayerBuilder,
  transformer,
  transformerLayer,
  type TransformerRow,
} from "../graph/transformer.ts";

/** Layers may lack attention, or its softmax, or the feed-forward (src/models/deci.cpp). */
const deci: LayerBuilder = (b, row, layer, x) => {
  const { graph } = b;
  const { headCounts, keyValueHeadCounts, feedForwardLengths } = b.hyperparameters;
  const heads = headCounts[layer] ?? 0;
  let y = heads === 0 ? x : b.norm(x, "rms");
  if (heads > 0) {
    y = keyValueHeadCounts[layer] === 0
      ? b.multiply(`blk.${layer}.attn_output`, y)
      : attend(b, row, layer, y);
  }
  let residual = x;
  [y, residual] = keepOutputs(b, layer, [y, residual]);
  // llama.cpp passes the layer's input on where there is no feed-forward.
  if (feedForwardLengths[layer] === 0) return x;
  const middle = heads > 0 ? graph.add(y, residual) : y;
  return graph.add(feed(b, row, layer, b.norm(middle, "rms")), middle);
};

/** Every layer adds the embeddings once more (src/models/talkie.cpp). */
function buildTalkie(b: Builder): void {
  const row: TransformerRow = { prelude: "norm", queryKeyNorm: "after-rope" };
  const embedded = begin(b, row);
  let x = embedded;
  for (const layer of b.layers()) {
    const [skip] = keepOutputs(b, layer, [embedded]);
    x = b.graph.add(transformerLayer(b, row, layer, x), b.graph.map(skip));
  }
  end(b, row, x);
}

/** The same layers several times over (src/models/nanbeige.cpp). */
function buildNanbeige(b: Builder): void {
  const { layerCount } = b.hyperparameters;
  const loops = Math.max(1, b.keys.real("num_loops", 1));
  const once = layerCount / loops;
  if (loops > 1) b.model.repeatLayers(once);
  const norms = loops > 1 && !b.keys.flag("skip_loop_final_norm");
  let x = begin(b, {});
  for (let layer = 0; layer < layerCount; layer++) {
    x = transformerLayer(b, {}, layer, x);
    if (norms && (layer + 1) % once === 0 && layer + 1 < layerCount) x = b.norm(x, "rms");
  }
  end(b, {}, x);
}

/** Architectures whose layers lack parts, come again, or get the embeddings once more. */
export const ARCHITECTURES: Family = family({
  "deci": attentionCache("models/deci.cpp", { graph: transformer({}, deci) }),
  "nanbeige": attentionCache("models/nanbeige.cpp", { graph: buildNanbeige, repeatsLayers: true }),
  "talkie": attentionCache("models/talkie.cpp", { graph: buildTalkie }),
});
