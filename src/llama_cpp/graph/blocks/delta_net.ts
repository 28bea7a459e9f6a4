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

/** What a gated delta rule reads, heads second, tokens third, sequences last. */
export interface DeltaParts {
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
export function gatedDelta(b: Builder, all: Tensor, parts: DeltaParts): Tensor {
  const { graph } = b;
  const { q, k, v, gate, beta } = parts;
  const [length, heads, tokens, sequences] = [v.n0, v.n1, v.n2, v.n3];
  const state = graph.reshape(readState(b, all), length, length, heads, sequences);
  const result = graph.fresh([q, k, v, gate, beta, state], [
    length * heads,
    tokens * sequences + length * sequences,
  ]);
  storeState(b, all, graph.view(result, [length, length, heads, sequences]));
  return graph.view(result, [length, heads, tokens, sequences]);
}

/** Queries, keys and values in one, and the gate of the outputs (`build_qkvz`). */
function projectAll(b: Builder, layer: number, x: Tensor) {
  const { graph, plan } = b;
  const prefix = `blk.${layer}.`;
  const { sequences } = plan;
  const tokens = sequenceTokens(b);
  if (b.has(`${prefix}attn_qkv`)) {
    const mixed = b.multiply(`${prefix}attn_qkv`, x);
    return {
      mixed: graph.reshape(mixed, mixed.n0, tokens, sequences),
      z: b.multiply(`${prefix}attn_gate`, x),
    };
  }
  const { innerSize, stateSize, groupCount, timeStepRank } = b.hyperparameters.stateSpace;
  const valueLength = innerSize / timeStepRank;
  const perGroup = valueLength * timeStepRank / groupCount;
  const all = graph.reshape(
    b.multiply(`${prefix}ssm_in`, x),
    2 * stateSize + 2 * perGroup,
    groupCount,
    tokens,
    sequences,
  );
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
  const { graph, plan } = b;
  const prefix = `blk.${layer}.`;
  const { sequences } = plan;
  const tokens = sequenceTokens(b);
  const { groupCount, timeStepRank: heads } = b.hyperparameters.stateSpace;
  if (!b.has(`${prefix}ssm_ba`)) {
    const beta = graph.reshape(b.multiply(`${prefix}ssm_beta`, x), 1, heads, tokens, sequences);
    const alpha = graph.reshape(b.multiply(`${prefix}ssm_alpha`, x), heads, tokens, sequences);
    return {
      beta: graph.map(beta),
      gate: graph.reshape(graph.map(alpha), 1, heads, tokens, sequences),
    };
  }
  const both = graph.reshape(
    b.multiply(`${prefix}ssm_ba`, x),
    2 * heads / groupCount,
    groupCount,
    tokens,
    sequences,
  );
  const half = () =>
    graph.view(
      both,
      [heads / groupCount, groupCount, tokens, sequences],
      both.s1,
      both.s2,
      both.s3,
    );
  const beta = graph.contiguous(half());
  const alpha = graph.contiguous(half(), heads, tokens, sequences);
  return {
    beta: graph.reshape(beta, 1, heads, tokens, sequences),
    gate: graph.reshape(alpha, 1, heads, tokens, sequences),
  };
}

/** How architectures differ in it. */
export interface DeltaNetOptions {
  /** The columns that are kept for the next batch are copied first. */
  readonly copiesColumns?: boolean;
  /** Queries and keys are repeated for each value head. */
  readonly repeatsKeys?: boolean;
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
  const { graph, plan } = b;
  const prefix = `blk.${layer}.`;
  const { innerSize, stateSize, groupCount, timeStepRank: heads } = b.hyperparameters.stateSpace;
  const valueLength = innerSize / heads;
  const channels = innerSize + 2 * groupCount * stateSize;
  const { sequences } = plan;
  const tokens = sequenceTokens(b);
  const { mixed, z } = projectAll(b, layer, x);
  const { beta, gate } = betaAndGate(b, layer, x);
  const kernel = b.need(`${prefix}ssm_conv1d`);
  const conv = stateOf(b, (kernel.n0 - 1) * channels);
  const all = stateOf(b, stateSize * innerSize);
  const previous = graph.reshape(readState(b, conv), kernel.n0 - 1, channels, sequences);
  const joined = joinState(b, conv, {
    previous,
    columns: mixed,
    copies: options.copiesColumns ?? false,
  });
  const y = convolve(b, joined, kernel);
  const row = (2 * stateSize * groupCount + valueLength * heads) * 4;
  const part = (length: number, count: number) =>
    graph.view(y, [length, count, tokens, sequences], length * 4, row, row * tokens);
  let q = graph.norm(part(stateSize, groupCount));
  let k = graph.norm(part(stateSize, groupCount));
  const v = part(valueLength, heads);
  if (options.repeatsKeys && groupCount !== heads) {
    q = repeatHeads(b, q, heads / groupCount);
    k = repeatHeads(b, k, heads / groupCount);
  }
  const output = gatedDelta(b, all, { q, k, v, gate, beta });
  const zHeads = graph.reshape(z, valueLength, heads, tokens, sequences);
  const gated = graph.multiply(graph.rmsNorm(output), graph.map(zHeads));
  const flat = graph.reshape(gated, valueLength * heads, tokens, sequences);
  const out = b.multiply(`${prefix}ssm_out`, flat);
  return graph.reshape(out, out.n0, tokens * sequences);
}

function repeatHeads(b: Builder, x: Tensor, times: number): Tensor {
  const { graph } = b;
  const rows = x.n2 * x.n3;
  const repeated = graph.repeat(graph.reshape(x, x.n0, 1, x.n1, rows), x.n0, times, x.n1, rows);
  return graph.reshape(repeated, x.n0, x.n1 * times, x.n2, x.n3);
}
