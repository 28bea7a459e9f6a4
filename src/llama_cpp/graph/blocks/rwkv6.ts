import type { Builder } from "../builder.ts";
import type { Tensor } from "../../ggml/tensor.ts";
import { readState, sequenceTokens, stateOf, storeState } from "./recurrent.ts";

/** Five mixtures of a token and the one before it, each a view of one tensor or a sum of its own. */
function mixtures(b: Builder, prefix: string, x: Tensor, difference: Tensor) {
  const { graph, tokens } = b;
  const width = x.n0;
  const first = b.need(`${prefix}w1`);
  const second = b.need(`${prefix}w2`);
  const start = graph.add(graph.multiply(difference, b.need(`${prefix}lerp_x`)), x);
  let mixed = graph.unary("TANH", graph.multiplyMatrix(first, start));
  mixed = graph.reshape(mixed, first.n1 / 5, 1, 5, tokens);
  mixed = graph.contiguous(graph.permute(mixed, [0, 1, 3, 2]));
  mixed = graph.multiplyMatrix(graph.reshape(second, second.n0, second.n1, 1, 5), mixed);
  const part = (from: Tensor) => graph.view(from, [width, tokens], from.s1);
  const fused = b.weight(`${prefix}lerp_fused`);
  if (fused !== undefined) {
    const weighted = graph.multiply(
      graph.add(mixed, fused),
      graph.reshape(difference, width, 1, tokens),
    );
    const all = graph.add(weighted, graph.reshape(x, width, 1, tokens));
    return { w: part(all), k: part(all), v: part(all), r: part(all), g: part(all) };
  }
  const own = (name: string) => {
    const factors = graph.add(part(mixed), b.need(`${prefix}lerp_${name}`));
    return graph.add(graph.multiply(factors, difference), x);
  };
  return { w: own("w"), k: own("k"), v: own("v"), r: own("r"), g: own("g") };
}

/** How much of the state each token keeps. */
function decay(b: Builder, prefix: string, x: Tensor): Tensor {
  const { graph } = b;
  const low = graph.unary("TANH", b.multiplyMatrix(`${prefix}decay_w1`, x));
  const y = graph.add(b.multiplyMatrix(`${prefix}decay_w2`, low), b.need(`${prefix}decay`));
  return graph.unary("EXP", graph.unary("NEG", graph.unary("EXP", y)));
}

/** src/models/rwkv6-base.cpp, `build_rwkv6_time_mix` */
export function timeMix6(b: Builder, layer: number, x: Tensor, previous: Tensor): Tensor {
  const { graph, plan, tokens } = b;
  const prefix = `blk.${layer}.time_mix_`;
  const { embeddingLength: width, keyValueHeadCounts, wkv } = b.hyperparameters;
  const heads = width / wkv.headSize;
  const keyHeads = keyValueHeadCounts[layer] ?? 0;
  const first = b.weight(`${prefix}first`);
  const difference = graph.reshape(graph.subtract(previous, x), width, tokens);
  const parts = mixtures(b, prefix, graph.reshape(x, width, tokens), difference);
  const byHead = (y: Tensor) => graph.reshape(y, wkv.headSize, heads, tokens);
  const repeated = (y: Tensor) => {
    if (keyHeads === 0 || keyHeads === heads) return y;
    const grouped = graph.reshape(y, wkv.headSize, 1, keyHeads, tokens);
    return graph.repeat(grouped, wkv.headSize, heads / keyHeads, keyHeads, tokens);
  };
  const r = byHead(b.multiply(`${prefix}receptance`, parts.r));
  let k = byHead(repeated(b.multiply(`${prefix}key`, parts.k)));
  const v = byHead(repeated(b.multiply(`${prefix}value`, parts.v)));
  const gate = b.multiplyMatrix(`${prefix}gate`, parts.g);
  const w = byHead(decay(b, prefix, parts.w));
  // QRWKV has no bonus for the first token.
  if (first === undefined) k = graph.subtract(k, graph.multiply(k, w));
  const state = stateOf(b, layer, width * wkv.headSize);
  const previousState = readState(b, state);
  const shape = [width, tokens + wkv.headSize * plan.sequences];
  const output = first === undefined
    ? graph.make("GATED_LINEAR_ATTN", [k, v, r, w, previousState], shape)
    : graph.make("RWKV_WKV6", [k, v, r, first, w, previousState], shape);
  storeState(b, state, graph.view(output, [width * wkv.headSize * plan.sequences]));
  let y = graph.view(output, [width * tokens]);
  if (first === undefined) y = graph.reshape(y, width, tokens);
  else y = normHeads(b, `${prefix}ln`, byHead(y));
  y = graph.multiply(y, graph.unary(first === undefined ? "SIGMOID" : "SILU", gate));
  y = b.multiply(`${prefix}output`, y);
  return graph.reshape(y, width, sequenceTokens(b), plan.sequences);
}

/** A norm of each head, with weights of the whole row. */
export function normHeads(b: Builder, name: string, heads: Tensor): Tensor {
  const { graph } = b;
  const y = graph.reshape(graph.norm(heads), heads.n0 * heads.n1, heads.n2);
  return b.addBias(name, graph.multiply(y, b.need(name)));
}
