import type { Builder } from "../builder.ts";
import { F32, type Tensor } from "../../ggml/tensor.ts";

/** Tokens of one sequence. */
export function sequenceTokens(b: Builder): number {
  return b.plan.tokens / b.plan.sequences;
}

/** The tokens of each sequence apart, each of `shape`. */
export function bySequence(b: Builder, x: Tensor, ...shape: readonly number[]): Tensor {
  return b.graph.reshape(x, ...shape, sequenceTokens(b), b.plan.sequences);
}

/** The state of all sequences on one layer, outside the compute buffer. */
export function stateOf(b: Builder, layer: number, elements: number): Tensor {
  return b.cache.external(layer, F32, [elements, b.plan.sequences]);
}

/**
 * Reads the state of the batch's sequences, by `read` where rows aren't copied one by one
 * (llama-graph.cpp, `build_rs`).
 */
export function readState(
  b: Builder,
  state: Tensor,
  read: (states: Tensor, rows: Tensor) => Tensor = (states, rows) => b.graph.getRows(states, rows),
): Tensor {
  const { graph } = b;
  const rows = b.stateRows;
  const states = graph.reshape(state, state.n0, state.n1);
  const cleared = graph.view(states, [state.n0]);
  graph.expand(graph.into("SCALE", cleared, cleared));
  const output = graph.expand(read(states, rows.main));
  const extra = graph.getRows(states, rows.extra);
  graph.expand(graph.copy(extra, graph.view(state, [state.n0, 0], state.s1)));
  return output;
}

/** Writes a new state back. */
export function storeState(b: Builder, state: Tensor, values: Tensor): void {
  const { graph } = b;
  graph.expand(graph.copy(values, graph.view(state, [state.elements])));
}

/** Writes a new state back, a row for each sequence. */
export function storeRows(b: Builder, state: Tensor, values: Tensor): void {
  const { graph } = b;
  graph.expand(graph.copy(values, graph.view(state, [state.n0, state.n1], state.s1)));
}

/** `ggml_ssm_conv`: as many columns as tokens. */
export function convolve(b: Builder, x: Tensor, kernel: Tensor): Tensor {
  return b.graph.make("SSM_CONV", [x, kernel], [kernel.n1, x.n0 - kernel.n0 + 1, x.n2]);
}

/** How the columns that are kept are written back. */
interface KeptColumns {
  /** Copied before they are written. */
  readonly copies?: boolean | undefined;
  /** Written row by row. */
  readonly byRow?: boolean | undefined;
}

/** The last `count` columns of each sequence before its new ones; the last of both are kept. */
export function joinState(
  b: Builder,
  layer: number,
  columns: Tensor,
  { count, copies = false, byRow = false }: KeptColumns & { readonly count: number },
): Tensor {
  const { graph } = b;
  const { sequences } = b.plan;
  const state = stateOf(b, layer, count * columns.n0);
  const previous = graph.reshape(readState(b, state), count, columns.n0, sequences);
  const joined = graph.concat(previous, graph.transpose(columns), 0);
  let last = graph.view(joined, [count, columns.n0, sequences], joined.s1, joined.s2);
  if (copies) last = graph.contiguous(last);
  if (byRow) storeRows(b, state, last);
  else storeState(b, state, last);
  return joined;
}

/** A convolution over the columns of each sequence, the kept ones before its new ones. */
export function convolveState(
  b: Builder,
  layer: number,
  columns: Tensor,
  { kernel, ...kept }: KeptColumns & { readonly kernel: Tensor },
): Tensor {
  return convolve(b, joinState(b, layer, columns, { count: kernel.n0 - 1, ...kept }), kernel);
}
