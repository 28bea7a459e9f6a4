import type { Builder } from "../builder.ts";
import type { Tensor } from "../../ggml/tensor.ts";
import {
  convolve,
  joinState,
  readState,
  sequenceTokens,
  stateOf,
  storeState,
} from "./recurrent.ts";

/** `ggml_ssm_scan`: the outputs, then the new states. */
function scan(b: Builder, states: Tensor, inputs: readonly [x: Tensor, ...Tensor[]], rows: Tensor) {
  const [x] = inputs;
  const elements = x.elements + states.n0 * states.n1 * states.n2 * rows.n0;
  return b.graph.fresh([states, ...inputs, rows], [elements]);
}

/** Elements of the convolution's state (`n_embd_r`). */
function convolutionState(b: Builder): number {
  const { convolutionKernel, innerSize, groupCount, stateSize } = b.hyperparameters.stateSpace;
  return Math.max(0, convolutionKernel - 1) * (innerSize + 2 * groupCount * stateSize);
}

/** One Mamba layer (src/models/mamba-base.cpp, `build_mamba_layer`). */
export function mambaLayer(b: Builder, layer: number, input: Tensor): Tensor {
  const { graph, plan } = b;
  const { convolutionKernel, innerSize, stateSize, timeStepRank } = b.hyperparameters.stateSpace;
  const prefix = `blk.${layer}.`;
  const { sequences } = plan;
  const tokens = sequenceTokens(b);
  const conv = stateOf(b, convolutionState(b));
  const state = stateOf(b, stateSize * innerSize);
  const previous = graph.reshape(readState(b, conv), convolutionKernel - 1, innerSize, sequences);
  const xz = b.multiply(`${prefix}ssm_in`, graph.reshape(input, input.n0, tokens, sequences));
  let x = graph.view(xz, [innerSize, xz.n1, xz.n2], xz.s1, xz.s2);
  const z = graph.view(xz, [innerSize, xz.n1, xz.n2], xz.s1, xz.s2);
  x = convolve(b, joinState(b, conv, { previous, columns: x }), b.need(`${prefix}ssm_conv1d`));
  const mixed = b.multiply(`${prefix}ssm_x`, x);
  const part = (...shape: number[]) => graph.view(mixed, shape, ...strides(mixed, shape.length));
  let dt = part(timeStepRank, tokens, sequences);
  let [inputs, outputs] = [
    part(stateSize, 1, tokens, sequences),
    part(stateSize, 1, tokens, sequences),
  ];
  const norms = ["dt", "b", "c"].every((name) => b.has(`${prefix}ssm_${name}_norm`));
  if (norms || b.keys.flag("ssm.dt_b_c_rms")) {
    dt = graph.rmsNorm(dt);
    inputs = graph.rmsNorm(inputs);
    outputs = graph.rmsNorm(outputs);
  }
  dt = b.multiply(`${prefix}ssm_dt`, dt);
  const heads = graph.reshape(x, 1, innerSize, tokens, sequences);
  const scanned = readState(b, state, (states, rows) => {
    const matrices = graph.reshape(states, stateSize, 1, innerSize, sequences);
    return scan(b, matrices, [heads, dt, b.need(`${prefix}ssm_a`), inputs, outputs], rows);
  });
  storeState(b, state, graph.view(scanned, [stateSize * innerSize * sequences]));
  let y = graph.view(scanned, [innerSize, tokens, sequences], heads.s2, heads.s3);
  y = graph.add(y, graph.inPlace(x, b.need(`${prefix}ssm_d`)));
  y = graph.gated(graph.contiguous(z), y);
  y = b.multiply(`${prefix}ssm_out`, y);
  return graph.reshape(y, y.n0, tokens * sequences);
}

function strides(mixed: Tensor, dimensions: number): readonly number[] {
  return dimensions === 4 ? [mixed.s1, mixed.s1, mixed.s2] : [mixed.s1, mixed.s2];
}

/** One Mamba-2 layer (src/models/mamba-base.cpp, `build_mamba2_layer`). */
export function mamba2Layer(b: Builder, layer: number, input: Tensor): Tensor {
  const { graph, plan } = b;
  const { convolutionKernel, innerSize, stateSize, timeStepRank: heads, groupCount: groups } =
    b.hyperparameters.stateSpace;
  const prefix = `blk.${layer}.`;
  const headLength = innerSize / heads;
  const channels = innerSize + 2 * groups * stateSize;
  const { sequences } = plan;
  const tokens = sequenceTokens(b);
  const conv = stateOf(b, convolutionState(b));
  const state = stateOf(b, stateSize * innerSize);
  const previous = graph.reshape(readState(b, conv), convolutionKernel - 1, channels, sequences);
  const all = b.multiply(`${prefix}ssm_in`, input);
  const mixed = graph.reshape(all, all.n0, tokens, sequences);
  const { s1, s2 } = mixed;
  const z = graph.view(mixed, [headLength, heads, tokens, sequences], headLength * 4, s1, s2);
  const columns = graph.view(mixed, [channels, tokens, sequences], s1, s2);
  const dtView = graph.view(mixed, [heads, tokens, sequences], s1, s2);
  const x = convolve(b, joinState(b, conv, { previous, columns }), b.need(`${prefix}ssm_conv1d`));
  const view = (length: number, count: number) =>
    graph.view(x, [length, count, tokens, sequences], length * 4, x.s1, x.s2);
  const values = view(headLength, heads);
  const inputs = view(stateSize, groups);
  const outputs = view(stateSize, groups);
  const dt = graph.contiguous(dtView);
  const scanned = readState(b, state, (states, rows) => {
    const matrices = graph.reshape(states, stateSize, headLength, heads, sequences);
    return scan(b, matrices, [values, dt, b.need(`${prefix}ssm_a`), inputs, outputs], rows);
  });
  storeState(b, state, graph.view(scanned, [stateSize * innerSize, sequences]));
  let y = graph.view(scanned, [headLength, heads, tokens, sequences]);
  y = graph.add(y, graph.inPlace(values, b.need(`${prefix}ssm_d`)));
  y = graph.gated(graph.contiguous(z), y);
  if (b.has(`${prefix}ssm_norm`)) {
    y = graph.rmsNorm(graph.reshape(y, innerSize / groups, groups, tokens, sequences));
  }
  y = graph.reshape(y, innerSize, tokens * sequences);
  return b.multiply(`${prefix}ssm_out`, y);
}

/** PLaMo-2's own Mamba (src/models/plamo2.cpp, `build_plamo2_mamba_layer`). */
export function plamo2MambaLayer(b: Builder, layer: number, input: Tensor): Tensor {
  const { graph, plan } = b;
  const { convolutionKernel, innerSize, stateSize, timeStepRank: heads, groupCount } =
    b.hyperparameters.stateSpace;
  const prefix = `blk.${layer}.`;
  const headLength = innerSize / heads;
  const channels = innerSize + 2 * groupCount * stateSize;
  const { sequences } = plan;
  const tokens = sequenceTokens(b);
  const conv = stateOf(b, convolutionState(b));
  const state = stateOf(b, stateSize * innerSize);
  const previous = graph.reshape(readState(b, conv), convolutionKernel - 1, channels, sequences);
  let zx = b.multiply(`${prefix}ssm_in`, graph.reshape(input, input.n0, tokens, sequences));
  zx = graph.contiguous(
    graph.permute(zx, [0, 2, 1, 3]),
    headLength * 2,
    heads,
    tokens,
    sequences,
  );
  const half = () => graph.view(zx, [headLength, heads, tokens, sequences], zx.s1, zx.s2, zx.s3);
  let x = graph.contiguous(half(), headLength * heads, tokens, sequences);
  const z = half();
  x = convolve(b, joinState(b, conv, { previous, columns: x }), b.need(`${prefix}ssm_conv1d`));
  const mixed = b.multiply(`${prefix}ssm_x`, x);
  const part = (length: number) =>
    graph.rmsNorm(graph.view(mixed, [length, tokens, sequences], mixed.s1, mixed.s2));
  const inputs = part(stateSize);
  const outputs = part(stateSize);
  const timeStep = Math.max(64, Math.floor(b.hyperparameters.embeddingLength / 16));
  const dt = b.multiply(`${prefix}ssm_dt`, part(timeStep));
  const decay = graph.reshape(b.need(`${prefix}ssm_a`), 1, heads);
  const values = graph.view(x, [headLength, heads, tokens, sequences]);
  const rowsOf = (y: Tensor) =>
    graph.view(y, [stateSize, 1, tokens, sequences], stateSize * 4, y.s1, y.s2);
  const [inputRows, outputRows] = [rowsOf(inputs), rowsOf(outputs)];
  const scanned = readState(b, state, (states, rows) => {
    const matrices = graph.reshape(states, stateSize, headLength, heads, sequences);
    return scan(b, matrices, [values, dt, decay, inputRows, outputRows], rows);
  });
  storeState(b, state, graph.view(scanned, [heads * headLength * stateSize * sequences]));
  let y = graph.view(scanned, [headLength, heads, tokens, sequences]);
  const skip = graph.reshape(b.need(`${prefix}ssm_d`), 1, heads);
  y = graph.add(y, graph.inPlace(values, skip));
  y = graph.gated(graph.contiguous(z), y);
  y = graph.view(y, [headLength * heads, tokens, sequences], y.s2, y.s3);
  y = b.multiply(`${prefix}ssm_out`, y);
  return graph.reshape(y, y.n0, tokens * sequences);
}
