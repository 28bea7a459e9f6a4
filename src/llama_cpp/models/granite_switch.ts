import { attentionCache, type Family, family } from "./architecture.ts";
import { attention, headsOf } from "../graph/blocks/attention.ts";
import { embedding, gatedFeedForward, type Loads, norm, outputOrTied } from "../loading/blocks.ts";
import { demandHeads, demandPairs } from "../loading/graph_demands.ts";
import { type Loader } from "../loading/loader.ts";
import type { Builder } from "../graph/builder.ts";
import { isRopeFinetuned } from "../graph/transformer.ts";
import { F32, I32, type Tensor } from "../ggml/tensor.ts";

/** What each token's adapter adds to the result of a matrix (`build_switched_lora_delta`). */
function adapterDelta(b: Builder, name: string, x: Tensor, adapters: Tensor): Tensor {
  const { graph } = b;
  const count = x.n1;
  const ids = graph.reshape(adapters, 1, count);
  const rows = graph.reshape(x, x.n0, 1, count);
  const narrow = graph.multiplyMatrixById(b.need(`${name}.lora_a`), rows, ids);
  const wide = graph.multiplyMatrixById(b.need(`${name}.lora_b`), narrow, ids);
  return graph.reshape(wide, wide.n0, count);
}

/** A matrix with each token's adapter (`build_switched_lora_mm`). */
function multiplySwitched(b: Builder, name: string, x: Tensor, adapters: Tensor): Tensor {
  return b.graph.add(b.multiplyMatrix(name, x), adapterDelta(b, name, x, adapters));
}

/** One more head finds in the cache which adapter each token has. */
function findAdapters(b: Builder): Tensor {
  const { graph, tokens } = b;
  const router = b.hyperparameters.routerLayer;
  const { keyLength } = headsOf(b, router);
  const lane = () => {
    const signal = graph.input(F32, [tokens]);
    return graph.pad(graph.reshape(signal, 1, 1, tokens), keyLength - 1);
  };
  const found = attention(b, router, { q: lane(), k: lane(), v: lane() }, { output: false });
  const first = graph.contiguous(graph.view(found, [1, tokens], found.s1));
  const slots = graph.reshape(first, tokens);
  return graph.cast(graph.unary("ROUND", graph.clamp(slots)), I32);
}

function switchedAttention(b: Builder, layer: number, x: Tensor, adapters: Tensor): Tensor {
  const { graph, tokens } = b;
  const prefix = `blk.${layer}.attn_`;
  const { keyLength, queries, keyValues } = headsOf(b, layer);
  const fused = b.multiplyMatrix(`${prefix}qkv`, x);
  const part = (name: string, heads: number) => {
    const length = keyLength * heads;
    const own = graph.contiguous(graph.view(fused, [length, fused.n1], fused.s1));
    const sum = graph.add(own, adapterDelta(b, `${prefix}${name}`, x, adapters));
    const split = graph.reshape(sum, keyLength, heads, tokens);
    return name !== "v" && isRopeFinetuned(b) ? b.rope(split, layer) : split;
  };
  const heads = { q: part("q", queries), k: part("k", keyValues), v: part("v", keyValues) };
  const attended = attention(b, layer, heads, { output: false });
  return multiplySwitched(b, `${prefix}output`, attended, adapters);
}

/** src/models/granite-switch.cpp */
function buildGraniteSwitch(b: Builder): void {
  const { graph } = b;
  const { layerCount } = b.hyperparameters;
  const embedded = graph.getRows(b.need("token_embd"), graph.input(I32, [b.tokens]));
  let x = b.scaleBy("embedding_scale", embedded);
  let adapters = findAdapters(b);
  for (const layer of b.layers()) {
    const prefix = `blk.${layer}.ffn_`;
    const input = b.norm(x, "rms", `blk.${layer}.attn_norm`);
    let y = switchedAttention(b, layer, input, adapters);
    if (layer === layerCount - 1) {
      y = b.onlyOutputs(y);
      x = b.onlyOutputs(x);
      const kept = b.onlyOutputs(graph.reshape(adapters, 1, adapters.n0));
      adapters = graph.reshape(kept, b.plan.outputs);
    }
    const middle = graph.add(b.scaleBy("residual_scale", y), x);
    const normed = b.norm(middle, "rms", `${prefix}norm`);
    const gate = multiplySwitched(b, `${prefix}gate`, normed, adapters);
    const up = multiplySwitched(b, `${prefix}up`, normed, adapters);
    const both = graph.multiply(graph.unary("SILU", gate), up);
    const down = multiplySwitched(b, `${prefix}down`, both, adapters);
    x = graph.add(b.scaleBy("residual_scale", down), middle);
  }
  b.logits(b.finish(x, "rms"));
}

/** llama.cpp takes no more adapters, and none of a larger rank. */
const MOST_ADAPTERS = 4096;

/** Tokens that choose an adapter, and what each stands for then. */
function adapterKeys(l: Loader): void {
  l.key("adapters.count");
  l.key("adapters.lora_rank");
  l.mayKey("adapters.router_gain");
  const count = l.number("adapters.count");
  const rank = l.number("adapters.lora_rank");
  l.demand(
    count <= MOST_ADAPTERS && rank <= MOST_ADAPTERS,
    `it has ${count} adapters of rank ${rank}, and ${MOST_ADAPTERS} are the most`,
  );
  const tokens = l.vector("adapters.token_ids_activate", "int32");
  const substitutes = l.vector("adapters.token_ids_substitute", "int32");
  l.demand(
    tokens.length === count && substitutes.length === count,
    `it has ${count} adapters, ${tokens.length} tokens for them and ${substitutes.length} substitutes`,
  );
  const used = new Map(tokens.map((token, index) => [token, Number(substitutes[index])]));
  const foreign = [...used.values()].find((token) => token < 0 || token >= l.vocabulary);
  l.demand(
    foreign === undefined,
    `a substitute is token ${foreign}, and its vocabulary has ${l.vocabulary}`,
  );
}

const graniteSwitch: Loads = (l) => {
  l.key("attention.layer_norm_rms_epsilon");
  l.key("logit_scale");
  for (const name of ["residual_scale", "embedding_scale", "attention.scale"]) l.mayKey(name);
  l.mayKey("expert_shared_feed_forward_length");
  adapterKeys(l);
  demandHeads(l, { rope: true });
  demandPairs(l);
  embedding(l);
  outputOrTied(l);
  const slots = l.number("adapters.count") + 1;
  const rank = l.number("adapters.lora_rank");
  const [width, queries, keys, feed] = [l.embedding, l.queries(), l.keys(), l.feedForward()];
  for (const layer of l.layers()) {
    norm(layer, "attn_norm");
    layer.need("attn_qkv.weight", width, queries + 2 * keys);
    layer.need("attn_output.weight", queries, width);
    norm(layer, "ffn_norm");
    gatedFeedForward(layer);
    const adapter = (name: string, from: number, to: number) => {
      layer.need(`${name}.lora_a`, from, rank, slots);
      layer.need(`${name}.lora_b`, rank, to, slots);
    };
    adapter("attn_q", width, queries);
    adapter("attn_k", width, keys);
    adapter("attn_v", width, keys);
    adapter("attn_output", queries, width);
    adapter("ffn_gate", width, feed);
    adapter("ffn_up", width, feed);
    adapter("ffn_down", feed, width);
  }
};

export const ARCHITECTURES: Family = family({
  "graniteswitch": attentionCache("models/granite-switch.cpp", {
    scales: { embedding_scale: 0, residual_scale: 0, logit_scale: 0 },
    graph: buildGraniteSwitch,
    loads: graniteSwitch,
    routerLayer: true,
  }),
});
