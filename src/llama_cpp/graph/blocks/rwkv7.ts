import type { Builder } from "../builder.ts";
import type { UnaryFunction } from "../../ggml/operations.ts";
import type { Tensor } from "../../ggml/tensor.ts";
import { readState, sequenceTokens, stateOf, storeState } from "./recurrent.ts";
import { normHeads } from "./rwkv6.ts";

/** A low-rank pair of matrices, with a function between them and a bias after them, if any. */
function lowRank(
  b: Builder,
  prefix: string,
  x: Tensor,
  { between, isBiased = true }: { between?: UnaryFunction; isBiased?: boolean } = {},
): Tensor {
  const { graph } = b;
  let y = b.multiplyMatrix(`${prefix}1`, x);
  if (between !== undefined) y = graph.unary(between, y);
  y = b.multiplyMatrix(`${prefix}2`, y);
  return isBiased ? graph.add(y, b.need(`${prefix}0`)) : y;
}

/** src/models/rwkv7-base.cpp, `build_rwkv7_time_mix`; later layers look at the first one's values. */
export function timeMix7(builder: Builder) {
  let firstValue: Tensor | undefined;
  return (b: Builder, layer: number, x: Tensor, previous: Tensor): Tensor => {
    const { graph, plan, tokens } = builder;
    const prefix = `blk.${layer}.time_mix_`;
    const { embeddingLength: width, wkv } = b.hyperparameters;
    const heads = width / wkv.headSize;
    const sequenceLength = sequenceTokens(b);
    const isGated = b.has(`${prefix}g1`) && b.has(`${prefix}g2`);
    const difference = graph.subtract(previous, x);
    const copies = isGated ? 6 : 5;
    const repeated = graph.repeat(difference, width, sequenceLength, plan.sequences, copies);
    const all = graph.add(graph.multiply(repeated, b.need(`${prefix}lerp_fused`)), x);
    const part = () => graph.view(all, [width, tokens], all.s1);
    const r = b.multiply(`${prefix}receptance`, part());
    let w = lowRank(b, `${prefix}w`, part(), { between: "TANH" });
    w = graph.unary("EXP", graph.scale(graph.unary("SIGMOID", w)));
    const key = b.multiply(`${prefix}key`, part());
    const valueInput = part();
    let v = b.multiply(`${prefix}value`, valueInput);
    if (firstValue === undefined) {
      firstValue = v;
    } else {
      const change = graph.subtract(firstValue, v);
      const share = graph.unary("SIGMOID", lowRank(b, `${prefix}v`, valueInput));
      v = graph.add(v, graph.multiply(change, share));
    }
    const a = graph.unary("SIGMOID", lowRank(b, `${prefix}a`, part()));
    const g = isGated
      ? lowRank(b, `${prefix}g`, part(), { between: "SIGMOID", isBiased: false })
      : undefined;
    const byHead = (y: Tensor) => graph.reshape(y, wkv.headSize, heads, tokens);
    const kk = graph.l2Norm(byHead(graph.multiply(key, b.need(`${prefix}k_k`))));
    const ka = graph.multiply(key, b.need(`${prefix}k_a`));
    const k = byHead(graph.add(key, graph.subtract(graph.multiply(a, ka), ka)));
    const [rHeads, wHeads, vHeads, aHeads] = [byHead(r), byHead(w), byHead(v), byHead(a)];
    const state = stateOf(b, layer, width * wkv.headSize);
    const previousState = readState(b, state);
    const [negated, learned] = [graph.unary("NEG", kk), graph.multiply(kk, aHeads)];
    const output = graph.make(
      "RWKV_WKV7",
      [rHeads, wHeads, k, vHeads, negated, learned, previousState],
      [width, tokens + wkv.headSize * plan.sequences],
    );
    storeState(b, state, graph.view(output, [width * wkv.headSize * plan.sequences]));
    let y = graph.view(output, [width * tokens]);
    const hasNorm = b.has(`${prefix}ln`) && b.model.find(`${prefix}ln.bias`) !== undefined;
    if (hasNorm) y = normHeads(b, `${prefix}ln`, byHead(y));
    else y = graph.reshape(y, width, tokens);
    const weights = graph.reshape(b.need(`${prefix}r_k`), wkv.headSize, heads);
    const bonus = graph.sumRows(graph.multiply(graph.multiply(k, rHeads), weights));
    y = graph.add(y, graph.reshape(graph.multiply(vHeads, bonus), width, tokens));
    if (g !== undefined) y = graph.multiply(y, g);
    y = b.multiply(`${prefix}output`, y);
    return graph.reshape(y, width, sequenceLength, plan.sequences);
  };
}
