import type { Builder } from "../builder.ts";
import type { Tensor } from "../../ggml/tensor.ts";
import {
  bySequence,
  convolveState,
  readState,
  sequenceTokens,
  stateOf,
  storeRows,
  storeState,
} from "./recurrent.ts";

/**
 * `ggml_ssm_scan` from the state that is kept and then replaced: the outputs, then the new states.
 *
 * @param byRow the new states are written row by row
 */
function scan(
  b: Builder,
  layer: number,
  inputs: readonly [x: Tensor, ...Tensor[]],
  byRow = false,
): Tensor {
  const { graph } = b;
  const { sequences } = b.plan;
  const { innerSize, stateSize } = b.hyperparameters.stateSpace;
  const [x] = inputs;
  const state = stateOf(b, layer, stateSize * innerSize);
  const scanned = readState(b, state, (states, rows) => {
    const matrices = graph.reshape(states, stateSize, x.n0, x.n1, sequences);
    const elements = x.elements + stateSize * x.n0 * x.n1 * rows.n0;
    return graph.make("SSM_SCAN", [matrices, ...inputs, rows], [elements]);
  });
  const size = stateSize * innerSize;
  if (byRow) storeRows(b, state, graph.view(scanned, [size, sequences]));
  else storeState(b, state, graph.view(scanned, [size * sequences]));
  return scanned;
}

/** The convolution before a scan, with its bias where the file has one. */
function convolveColumns(b: Builder, layer: number, columns: Tensor, byRow = false): Tensor {
  const name = `blk.${layer}.ssm_conv1d`;
  const y = convolveState(b, layer, columns, { kernel: b.need(name), byRow });
  return b.graph.unary("SILU", b.addBias(name, y));
}

/** One Mamba layer (src/models/mamba-base.cpp, `build_mamba_layer`). */
export function mambaLayer(b: Builder, layer: number, input: Tensor): Tensor {
  const { graph } = b;
  const { innerSize, stateSize, timeStepRank } = b.hyperparameters.stateSpace;
  const prefix = `blk.${layer}.`;
  const { sequences } = b.plan;
  const tokens = sequenceTokens(b);
  const xz = b.multiply(`${prefix}ssm_in`, bySequence(b, input, input.n0));
  const half = () => graph.view(xz, [innerSize, xz.n1, xz.n2], xz.s1, xz.s2);
  const z = half();
  const x = convolveColumns(b, layer, half());
  const mixed = b.multiply(`${prefix}ssm_x`, x);
  const { s1, s2 } = mixed;
  const row = () => graph.view(mixed, [stateSize, 1, tokens, sequences], stateSize * 4, s1, s2);
  let dt = graph.view(mixed, [timeStepRank, tokens, sequences], s1, s2);
  let inputs = row();
  let outputs = row();
  const norms = ["dt", "b", "c"].every((name) => b.has(`${prefix}ssm_${name}_norm`));
  if (norms || b.keys.flag("ssm.dt_b_c_rms")) {
    dt = b.norm(dt, "rms", `${prefix}ssm_dt_norm`);
    inputs = b.norm(inputs, "rms", `${prefix}ssm_b_norm`);
    outputs = b.norm(outputs, "rms", `${prefix}ssm_c_norm`);
  }
  dt = b.multiply(`${prefix}ssm_dt`, dt);
  const heads = bySequence(b, x, 1, innerSize);
  const scanned = scan(b, layer, [heads, dt, b.need(`${prefix}ssm_a`), inputs, outputs]);
  let y = graph.view(scanned, [innerSize, tokens, sequences], heads.s2, heads.s3);
  y = graph.add(y, graph.multiply(x, b.need(`${prefix}ssm_d`)));
  y = graph.gated("SWIGLU", graph.contiguous(z), y);
  y = b.multiply(`${prefix}ssm_out`, y);
  return graph.reshape(y, y.n0, tokens * sequences);
}

/** One Mamba-2 layer (src/models/mamba-base.cpp, `build_mamba2_layer`). */
export function mamba2Layer(b: Builder, layer: number, input: Tensor): Tensor {
  const { graph } = b;
  const { innerSize, stateSize, timeStepRank: heads, groupCount: groups } =
    b.hyperparameters.stateSpace;
  const prefix = `blk.${layer}.`;
  const headLength = innerSize / heads;
  const channels = innerSize + 2 * groups * stateSize;
  const { sequences } = b.plan;
  const tokens = sequenceTokens(b);
  const all = b.multiply(`${prefix}ssm_in`, input);
  const mixed = bySequence(b, all, all.n0);
  const { s1, s2 } = mixed;
  const z = graph.view(mixed, [headLength, heads, tokens, sequences], headLength * 4, s1, s2);
  const columns = graph.view(mixed, [channels, tokens, sequences], s1, s2);
  const steps = graph.contiguous(graph.view(mixed, [heads, tokens, sequences], s1, s2));
  const dt = b.addBias(`${prefix}ssm_dt`, steps);
  const x = convolveColumns(b, layer, columns, true);
  const view = (length: number, count: number) =>
    graph.view(x, [length, count, tokens, sequences], length * 4, x.s1, x.s2);
  const values = view(headLength, heads);
  const inputs = view(stateSize, groups);
  const outputs = view(stateSize, groups);
  const decay = b.need(`${prefix}ssm_a`);
  const scanned = scan(b, layer, [values, dt, decay, inputs, outputs], true);
  let y = graph.view(scanned, [headLength, heads, tokens, sequences]);
  y = graph.add(y, graph.multiply(values, b.need(`${prefix}ssm_d`)));
  y = graph.gated("SWIGLU", graph.contiguous(z), y);
  if (b.has(`${prefix}ssm_norm`)) {
    y = b.norm(bySequence(b, y, innerSize / groups, groups), "rms", `${prefix}ssm_norm`);
  }
  return b.multiply(`${prefix}ssm_out`, graph.reshape(y, innerSize, tokens * sequences));
}

/** PLaMo-2's own Mamba (src/models/plamo2.cpp, `build_plamo2_mamba_layer`). */
export function plamo2MambaLayer(b: Builder, layer: number, input: Tensor): Tensor {
  const { graph } = b;
  const { innerSize, stateSize, timeStepRank: heads } = b.hyperparameters.stateSpace;
  const prefix = `blk.${layer}.`;
  const headLength = innerSize / heads;
  const { sequences } = b.plan;
  const tokens = sequenceTokens(b);
  let zx = b.multiply(`${prefix}ssm_in`, bySequence(b, input, input.n0));
  zx = graph.permute(zx, [0, 2, 1, 3]);
  zx = graph.contiguous(zx, headLength * 2, heads, tokens, sequences);
  const half = () => graph.view(zx, [headLength, heads, tokens, sequences], zx.s1, zx.s2, zx.s3);
  const columns = graph.contiguous(half(), headLength * heads, tokens, sequences);
  const x = convolveColumns(b, layer, columns);
  const mixed = b.multiply(`${prefix}ssm_x`, x);
  const part = (name: string, length: number) => {
    const y = graph.view(mixed, [length, tokens, sequences], mixed.s1, mixed.s2);
    return b.norm(y, "rms", `${prefix}ssm_${name}_norm`);
  };
  const row = (name: string) => {
    const y = part(name, stateSize);
    return graph.view(y, [stateSize, 1, tokens, sequences], stateSize * 4, y.s1, y.s2);
  };
  const timeStep = Math.max(64, Math.floor(b.hyperparameters.embeddingLength / 16));
  const dt = b.multiply(`${prefix}ssm_dt`, part("dt", timeStep));
  const decay = graph.reshape(b.need(`${prefix}ssm_a`), 1, heads);
  const values = graph.view(x, [headLength, heads, tokens, sequences]);
  const scanned = scan(b, layer, [values, dt, decay, row("b"), row("c")]);
  let y = graph.view(scanned, [headLength, heads, tokens, sequences]);
  const skip = graph.reshape(b.need(`${prefix}ssm_d`), 1, heads);
  y = graph.add(y, graph.multiply(values, skip));
  y = graph.gated("SWIGLU", graph.contiguous(half()), y);
  y = graph.view(y, [headLength * heads, tokens, sequences], y.s2, y.s3);
  y = b.multiply(`${prefix}ssm_out`, y);
  return graph.reshape(y, y.n0, tokens * sequences);
}
