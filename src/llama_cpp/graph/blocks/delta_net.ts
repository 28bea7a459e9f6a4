import type { Builder } from "../builder.ts";
import type { UnaryFunction } from "../../ggml/operations.ts";
import type { Tensor } from "../../ggml/tensor.ts";
import {
  bySequence,
  convolveState,
  readState,
  sequenceTokens,
  stateOf,
  storeRows,
} from "./recurrent.ts";

/** What a gated delta rule reads, heads second, tokens third, sequences last. */
interface DeltaParts {
  readonly q: Tensor;
  readonly k: Tensor;
  readonly v: Tensor;
  readonly gate: Tensor;
  readonly beta: Tensor;
}

/**
 * The fused gated delta rule (src/models/delta-net-base.cpp, `build_recurrent_attn`): outputs of
 * all tokens, then the new state, in one tensor.
 */
export function gatedDelta(
  b: Builder,
  layer: number,
  { q, k, v, gate, beta }: DeltaParts,
  store = storeRows,
): Tensor {
  const { graph } = b;
  const { n0: length, n1: heads, n2: tokens, n3: sequences } = v;
  const all = stateOf(b, layer, length * length * heads);
  const state = graph.reshape(readState(b, all), length, length, heads, sequences);
  const result = graph.make("GATED_DELTA_NET", [q, k, v, gate, beta, state], [
    length * heads,
    tokens * sequences + length * sequences,
  ]);
  store(b, all, graph.view(result, [length, length, heads, sequences]));
  return graph.view(result, [length, heads, tokens, sequences]);
}

/** Queries, keys and values in one, and the gate of the outputs (`build_qkvz`). */
function projectAll(b: Builder, layer: number, x: Tensor) {
  const { graph } = b;
  const prefix = `blk.${layer}.`;
  const { sequences } = b.plan;
  const tokens = sequenceTokens(b);
  if (b.has(`${prefix}attn_qkv`)) {
    const mixed = b.multiply(`${prefix}attn_qkv`, x);
    return { mixed: bySequence(b, mixed, mixed.n0), z: b.multiply(`${prefix}attn_gate`, x) };
  }
  const { innerSize, stateSize, groupCount, timeStepRank } = b.hyperparameters.stateSpace;
  const valueLength = innerSize / timeStepRank;
  const perGroup = valueLength * timeStepRank / groupCount;
  const projected = b.multiply(`${prefix}ssm_in`, x);
  const all = bySequence(b, projected, 2 * stateSize + 2 * perGroup, groupCount);
  const part = (length: number) =>
    graph.view(all, [length, groupCount, tokens, sequences], all.s1, all.s2, all.s3);
  const flat = (length: number) =>
    graph.contiguous(part(length), length * groupCount, tokens, sequences);
  const z = graph.contiguous(part(perGroup));
  const keys = graph.concat(flat(stateSize), flat(stateSize), 0);
  return { mixed: graph.concat(keys, flat(perGroup), 0), z };
}

/** One number for each value head: how much is written and how fast the state fades. */
function betaAndGate(b: Builder, layer: number, x: Tensor) {
  const { graph } = b;
  const prefix = `blk.${layer}.`;
  const { groupCount, timeStepRank: heads } = b.hyperparameters.stateSpace;
  // How fast the state fades.
  const fade = (alpha: Tensor) => {
    const softened = graph.unary("SOFTPLUS", graph.add(alpha, b.need(`${prefix}ssm_dt.bias`)));
    return bySequence(b, graph.multiply(softened, b.need(`${prefix}ssm_a`)), 1, heads);
  };
  if (!b.has(`${prefix}ssm_ba`)) {
    const beta = bySequence(b, b.multiply(`${prefix}ssm_beta`, x), 1, heads);
    const alpha = bySequence(b, b.multiply(`${prefix}ssm_alpha`, x), heads);
    return { beta: graph.unary("SIGMOID", beta), gate: fade(alpha) };
  }
  const all = b.multiply(`${prefix}ssm_ba`, x);
  const both = bySequence(b, all, 2 * heads / groupCount, groupCount);
  const half = () => {
    const shape = [heads / groupCount, groupCount, both.n2, both.n3];
    return graph.view(both, shape, both.s1, both.s2, both.s3);
  };
  const beta = bySequence(b, graph.unary("SIGMOID", graph.contiguous(half())), 1, heads);
  return { beta, gate: fade(graph.contiguous(half(), heads, both.n2, both.n3)) };
}

/** How architectures differ in it. */
export interface DeltaNetOptions {
  /** The columns that are kept for the next batch are copied first. */
  readonly copiesColumns?: boolean;
  /** Queries and keys are repeated for each value head. */
  readonly repeatsKeys?: boolean;
  /** What the gate of the outputs passes; SiLU unless said. */
  readonly gateFunction?: UnaryFunction;
}

/**
 * Linear attention by a gated delta rule (src/models/qwen3next.cpp and qwen35.cpp,
 * `build_layer_attn_linear`).
 */
export function deltaNetLayer(
  b: Builder,
  layer: number,
  x: Tensor,
  options: DeltaNetOptions = {},
): Tensor {
  const { graph } = b;
  const prefix = `blk.${layer}.`;
  const { innerSize, stateSize, groupCount, timeStepRank: heads } = b.hyperparameters.stateSpace;
  const valueLength = innerSize / heads;
  const { sequences } = b.plan;
  const tokens = sequenceTokens(b);
  const { mixed, z } = projectAll(b, layer, x);
  const { beta, gate } = betaAndGate(b, layer, x);
  const kernel = b.need(`${prefix}ssm_conv1d`);
  const copies = options.copiesColumns;
  const y = graph.unary("SILU", convolveState(b, layer, mixed, { kernel, copies, byRow: true }));
  const row = (2 * stateSize * groupCount + valueLength * heads) * 4;
  const part = (length: number, count: number) =>
    graph.view(y, [length, count, tokens, sequences], length * 4, row, row * tokens);
  let q = graph.l2Norm(part(stateSize, groupCount));
  let k = graph.l2Norm(part(stateSize, groupCount));
  const v = part(valueLength, heads);
  if (options.repeatsKeys && groupCount !== heads) {
    q = repeatHeads(b, q, heads / groupCount);
    k = repeatHeads(b, k, heads / groupCount);
  }
  const output = gatedDelta(b, layer, { q, k, v, gate, beta });
  const zHeads = bySequence(b, z, valueLength, heads);
  const normed = b.norm(output, "rms", `${prefix}ssm_norm`);
  const gated = graph.multiply(normed, graph.unary(options.gateFunction ?? "SILU", zHeads));
  const out = b.multiply(`${prefix}ssm_out`, bySequence(b, gated, valueLength * heads));
  return graph.reshape(out, out.n0, tokens * sequences);
}

function repeatHeads(b: Builder, x: Tensor, times: number): Tensor {
  const { graph } = b;
  const rows = x.n2 * x.n3;
  const repeated = graph.repeat(graph.reshape(x, x.n0, 1, x.n1, rows), x.n0, times, x.n1, rows);
  return graph.reshape(repeated, x.n0, x.n1 * times, x.n2, x.n3);
}
