import { contextSizes } from "../llama_cpp/memory/context_sizes.ts";
import { maxGraphNodes } from "../llama_cpp/memory/graph_nodes.ts";
import type { PlannedGraph } from "../llama_cpp/graph/planned_graph.ts";
import type { Hyperparameters } from "../llama_cpp/hyperparameters/hyperparameters.ts";
import type { CpuFeatures, FootprintOptions } from "../llama_cpp/options.ts";
import type { LoadedWeight } from "../llama_cpp/memory/weights.ts";
import {
  CANDIDATE_BYTES,
  PROMPT_STEP,
  SAMPLER_BYTES_LEFT_ALONE,
  SAMPLERS_BETWEEN_COLLECTIONS,
} from "./prompt_steps.ts";
import type { FootprintBytes } from "./footprint.ts";
import { touchedComputeBytes } from "./touched_compute.ts";

const MIB = 1024 ** 2;

/** A context's own structures beside its graphs: cells, batch, JavaScript's part (measured). */
const CONTEXT_BYTES = 0.35 * MIB;

/**
 * Bytes of each place for a node. A context has two graphs (`gf_res_prev`, `gf_res_reserve`), whose
 * memory is cleared when it is made (`buf_compute_meta.resize`), so it is resident whole: a tensor
 * (368), a pointer among the nodes and one among the leafs, and two to four entries of 12 in a table
 * whose size is a prime; the scheduler has a table more (20).
 */
const NODE_PLACE_BYTES = 890;

/**
 * Bytes that the nodes themselves take for each tensor of the file, of which there are about three:
 * where each of a node and its ten operands lies (ggml-alloc.c, `node_alloc`, 352), and its entry
 * in the allocator's table. With both, contexts of models of 2 to 96 layers, llama, gemma3, qwen3moe
 * and mamba, were met within 0.5 MiB.
 */
const TENSOR_NODES_BYTES = 1500;

/** Bytes of a context's graphs themselves, without what they compute in. */
function graphBytes({ source: { shape, header } }: PlannedGraph, batch: number): number {
  return NODE_PLACE_BYTES * maxGraphNodes(shape, header, batch) +
    TENSOR_NODES_BYTES * header.tensors.length;
}

/** Copies of the vocabulary's logits beside the output buffer itself (measured). */
const LOGIT_BYTES = 4;

/** Samplers alive at once: those since the last collection, the thought's own, and a sorted copy. */
const SAMPLERS = SAMPLERS_BETWEEN_COLLECTIONS + 2;

/**
 * Bytes of the samplers that are alive at once. Jars think one after another, so those that share
 * a model don't need them twice.
 */
export function samplerBytes(shape: Hyperparameters): number {
  return Math.max(SAMPLER_BYTES_LEFT_ALONE, shape.vocabularySize * SAMPLERS * CANDIDATE_BYTES);
}

/** Bytes that a token in the context takes in JavaScript: its number, in copies of the prompt. */
const CONTEXT_TOKEN_BYTES = 24;

/** Bytes that each thread needs of the work buffer and of its stack. */
const THREAD_BYTES = 0.25 * MIB;

/**
 * ggml-cpu's work buffer (ggml-cpu.c, `ggml_graph_plan`): the right side of the largest
 * multiplication in the weight's own layout, at most 2 bytes for each number, and a little for
 * each thread.
 */
function workBytes(weights: readonly LoadedWeight[], tokens: number, threads: number): number {
  const widest = weights.reduce(
    (most, { readByRow, tensor }) => readByRow ? most : Math.max(most, tensor.dimensions[0] ?? 0),
    0,
  );
  return 2 * widest * tokens + THREAD_BYTES * threads;
}

/** What decides how much of a context becomes resident when it thinks. */
export interface ThinkingInput {
  readonly planned: PlannedGraph;
  readonly weights: readonly LoadedWeight[];
  readonly options: FootprintOptions;
  readonly cpu: CpuFeatures;
  readonly allocated: Pick<FootprintBytes, "compute" | "output">;
  /** Bytes of the compute buffer in RAM that devices read: it is pinned therefore. */
  readonly pinnedBytes?: number;
}

/**
 * Bytes of the compute buffer that become resident: all of one that devices read and that is pinned
 * therefore.
 */
export function touchedBytes(
  { planned, options, allocated: { compute }, pinnedBytes }: ThinkingInput,
): number {
  if (pinnedBytes !== undefined) return pinnedBytes;
  const { shape } = planned.source;
  const sizes = contextSizes(shape, options);
  const tokens = Math.min(sizes.batch, PROMPT_STEP);
  const touched = touchedComputeBytes(planned, PROMPT_STEP) ??
    // The logits of a whole batch are planned, and one row is written; the rest goes with tokens.
    shape.vocabularySize * 4 +
      Math.max(0, compute - shape.vocabularySize * 4 * sizes.batch) * tokens / sizes.batch * 2;
  return Math.min(touched, compute);
}

/**
 * Bytes that become resident in one context when it thinks, beside the cache: the touched part of
 * the compute buffer, the output buffer and the work buffer.
 *
 * @param touched what `touchedBytes` says, for which a graph is built
 */
export function thinkingBytes(input: ThinkingInput, touched: number): number {
  const { planned, weights, options, cpu, allocated: { output } } = input;
  const { shape } = planned.source;
  const sizes = contextSizes(shape, options);
  const tokens = Math.min(sizes.batch, PROMPT_STEP);
  return Math.ceil(
    CONTEXT_BYTES + graphBytes(planned, sizes.batch) + output + touched +
      shape.vocabularySize * LOGIT_BYTES +
      workBytes(weights, tokens, cpu.threads) +
      CONTEXT_TOKEN_BYTES * sizes.cells * sizes.streams,
  );
}
