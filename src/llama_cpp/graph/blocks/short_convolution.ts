import type { Builder } from "../builder.ts";
import type { Tensor } from "../../ggml/tensor.ts";
import { convolve, readState, sequenceTokens, stateOf } from "./recurrent.ts";

/** A gated convolution over the last few tokens (src/models/lfm2.cpp, `build_shortconv_block`). */
export function shortConvolution(b: Builder, layer: number, input: Tensor): Tensor {
  const { graph, plan } = b;
  const { embeddingLength: width, shortConvolutionCache, causal } = b.hyperparameters;
  const prefix = `blk.${layer}.shortconv.`;
  const columns = shortConvolutionCache - 1;
  const { sequences } = plan;
  const tokens = sequenceTokens(b);
  const state = stateOf(b, layer, width * columns);
  const all = b.multiply(`${prefix}in_proj`, graph.reshape(input, input.n0, tokens, sequences));
  const third = () => graph.view(all, [all.n0 / 3, all.n1, all.n2], all.s1, all.s2);
  const [before, after, x] = [third(), third(), third()];
  const product = graph.transpose(graph.multiply(before, x));
  const previous = graph.reshape(readState(b, state), columns, width, sequences);
  let joined: Tensor;
  if (causal) {
    joined = graph.concat(previous, product, 0);
  } else {
    const side = Math.floor(columns / 2);
    const left = graph.contiguous(
      graph.view(previous, [side, width, sequences], previous.s1, previous.s2),
    );
    joined = graph.pad(graph.concat(left, product, 0), side);
  }
  const last = graph.view(joined, [columns, joined.n1, joined.n2], joined.s1, joined.s2);
  graph.expand(graph.copy(last, graph.view(state, [columns * width, sequences], state.s1)));
  const y = graph.multiply(after, convolve(b, joined, b.need(`${prefix}conv`)));
  const projected = b.multiply(`${prefix}out_proj`, y);
  return graph.reshape(projected, projected.n0, tokens * sequences);
}
