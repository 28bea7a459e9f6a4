import type { Builder } from "../builder.ts";
import type { Tensor } from "../../ggml/tensor.ts";
import { readState, sequenceTokens, stateOf, storeState } from "./recurrent.ts";

/** A low-rank pair of matrices. */
function lowRank(b: Builder, prefix: string, letter: string, x: Tensor): Tensor {
  return b.multiply(`${prefix}${letter}2`, b.multiply(`${prefix}${letter}1`, x));
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
    const difference = graph.inPlace(previous, x);
    const copies = isGated ? 6 : 5;
    const all = graph.inPlace(
      graph.repeat(difference, width, sequenceLength, plan.sequences, copies),
      x,
    );
    const part = () => graph.view(all, [width, tokens], all.s1);
    const r = b.multiply(`${prefix}receptance`, part());
    const w = lowRank(b, prefix, "w", part());
    const key = b.multiply(`${prefix}key`, part());
    const valueInput = part();
    let v = b.multiply(`${prefix}value`, valueInput);
    if (firstValue === undefined) {
      firstValue = v;
    } else {
      const change = graph.inPlace(firstValue, v);
      v = graph.inPlace(v, graph.inPlace(change, lowRank(b, prefix, "v", valueInput)));
    }
    const a = lowRank(b, prefix, "a", part());
    const g = isGated ? lowRank(b, prefix, "g", part()) : undefined;
    const byHead = (y: Tensor) => graph.reshape(y, wkv.headSize, heads, tokens);
    const kk = graph.norm(byHead(graph.map(key)));
    const ka = graph.map(key);
    const k = byHead(graph.inPlace(key, graph.inPlace(graph.inPlace(a, ka), ka)));
    const [rHeads, wHeads, vHeads, aHeads] = [byHead(r), byHead(w), byHead(v), byHead(a)];
    const state = stateOf(b, width * wkv.headSize);
    const previousState = readState(b, state);
    const output = graph.fresh(
      [rHeads, wHeads, k, vHeads, graph.map(kk), graph.inPlace(kk, aHeads), previousState],
      [width, tokens + wkv.headSize * plan.sequences],
    );
    storeState(b, state, graph.view(output, [width * wkv.headSize * plan.sequences]));
    let y = graph.view(output, [width, tokens]);
    if (b.has(`${prefix}ln`)) y = graph.map(graph.reshape(graph.norm(byHead(y)), width, tokens));
    const bonus = graph.sumRows(graph.inPlace(k, rHeads));
    y = graph.add(y, graph.reshape(graph.inPlace(vHeads, bonus), width, tokens));
    if (g !== undefined) y = graph.multiply(y, g);
    y = b.multiply(`${prefix}output`, y);
    return graph.reshape(y, width, sequenceLength, plan.sequences);
  };
}
