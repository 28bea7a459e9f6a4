import type { Builder } from "../builder.ts";
import type { Tensor } from "../../ggml/tensor.ts";
import { readState, sequenceTokens, stateOf, storeState } from "./recurrent.ts";

/** Five mixtures of a token and the one before it, each a view of one tensor or a sum of its own. */
function mixtures(b: Builder, prefix: string, x: Tensor, difference: Tensor) {
  const { graph, tokens } = b;
  const width = x.n0;
  const first = b.need(`${prefix}w1`);
  const second = b.need(`${prefix}w2`);
  let mixed = graph.multiplyMatrix(first, graph.inPlace(difference, x));
  mixed = graph.reshape(mixed, first.n1 / 5, 1, 5, tokens);
  mixed = graph.contiguous(graph.permute(mixed, [0, 1, 3, 2]));
  mixed = graph.multiplyMatrix(graph.reshape(second, second.n0, second.n1, 1, 5), mixed);
  const part = (from: Tensor) => graph.view(from, [width, tokens], from.s1);
  if (b.has(`${prefix}lerp_fused`)) {
    const all = graph.inPlace(
      mixed,
      graph.reshape(difference, width, 1, tokens),
      graph.reshape(x, width, 1, tokens),
    );
    return { w: part(all), k: part(all), v: part(all), r: part(all), g: part(all) };
  }
  const own = () => graph.inPlace(part(mixed), difference, x);
  return { w: own(), k: own(), v: own(), r: own(), g: own() };
}

/** src/models/rwkv6-base.cpp, `build_rwkv6_time_mix` */
export function timeMix6(b: Builder, layer: number, x: Tensor, previous: Tensor): Tensor {
  const { graph, plan, tokens } = b;
  const prefix = `blk.${layer}.time_mix_`;
  const { embeddingLength: width, keyValueHeadCounts, wkv } = b.hyperparameters;
  const heads = width / wkv.headSize;
  const keyHeads = keyValueHeadCounts[layer] ?? 0;
  const first = b.weight(`${prefix}first`);
  const difference = graph.reshape(graph.inPlace(previous, x), width, tokens);
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
  const g = b.multiply(`${prefix}gate`, parts.g);
  const decay = b.multiply(`${prefix}decay_w1`, parts.w);
  const w = byHead(b.multiply(`${prefix}decay_w2`, decay));
  // QRWKV has no bonus for the first token.
  if (first === undefined) k = graph.inPlace(k, graph.inPlace(k, w));
  const state = stateOf(b, width * wkv.headSize);
  const previousState = readState(b, state);
  const bonus = first === undefined ? [] : [first];
  const output = graph.fresh(
    [k, v, r, ...bonus, w, previousState],
    [width, tokens + wkv.headSize * plan.sequences],
  );
  storeState(b, state, graph.view(output, [width * wkv.headSize * plan.sequences]));
  let y = graph.view(output, [width, tokens]);
  if (first !== undefined) y = graph.map(graph.reshape(graph.norm(byHead(y)), width, tokens));
  y = b.multiply(`${prefix}output`, graph.multiply(y, g));
  return graph.reshape(y, width, sequenceTokens(b), plan.sequences);
}
