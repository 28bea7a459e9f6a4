import { isContiguousBeyond } from "../layout.ts";
import { F32, type Tensor } from "../tensor.ts";

/** Most experts that the kernel adds up at once (MOE_WEIGHTED_REDUCTION_MAX_EXPERTS). */
const MOST_EXPERTS = 15;

/** A weighted sum of experts that CUDA computes at once. */
export interface WeightedExperts {
  /** What it still reads at the end. */
  readonly kept: readonly Tensor[];
  /** The sum. */
  readonly result: Tensor;
  /** Nodes that it is made of. */
  readonly count: number;
}

/** A product of what the experts gave and one number for each of them. */
interface Weighted {
  readonly experts: Tensor;
  readonly weights: Tensor;
}

function isPlain(tensor: Tensor): boolean {
  return tensor.type === F32 && isContiguousBeyond(tensor, 0);
}

function weightedBy(product: Tensor): Weighted | undefined {
  if (product.op !== "MUL" || !isPlain(product)) return undefined;
  const isWeights = (one: Tensor) =>
    isPlain(one) && one.n0 === 1 && one.n1 === product.n1 && one.n2 === product.n2 &&
    one.n3 === product.n3;
  const isExperts = (one: Tensor) => isPlain(one) && one.sameShape(product);
  const [a, b] = product.sources;
  if (a === undefined || b === undefined) return undefined;
  if (isExperts(a) && isWeights(b)) return { experts: a, weights: b };
  return isExperts(b) && isWeights(a) ? { experts: b, weights: a } : undefined;
}

/** Whether the nodes from `start` on add up views of all experts of `weighted`, one by one. */
function sumOf(nodes: readonly Tensor[], start: number, weighted: Tensor): Tensor | undefined {
  const used = weighted.n1;
  const tokens = weighted.n2 * weighted.n3;
  const views: Tensor[] = [];
  let sums = 0;
  let sum: Tensor | undefined;
  for (let index = start; index < start + 2 * used - 1; index++) {
    const node = nodes[index];
    if (node === undefined) return undefined;
    if (node.op === "VIEW") {
      if (
        views.length >= used || node.sources[0] !== weighted || node.root !== weighted ||
        node.n0 !== weighted.n0 || node.n1 !== tokens || node.n2 !== 1 || node.n3 !== 1 ||
        node.s1 !== weighted.s2
      ) return undefined;
      views.push(node);
      continue;
    }
    if (node.op !== "ADD" || views.length < 2 || sums + 1 >= views.length) return undefined;
    const left = sum ?? views[0];
    if (node.sources[0] !== left || node.sources[1] !== views[sums + 1]) return undefined;
    sum = node;
    sums++;
  }
  return views.length === used && sums === used - 1 ? sum : undefined;
}

/**
 * The weighted sum of experts that begins at a node, if one does (ggml-cuda.cu,
 * `ggml_cuda_match_moe_weighted_reduction`): in its one operation the experts are read until the
 * end, so their memory can't be had before.
 */
export function weightedExpertsAt(
  nodes: readonly Tensor[],
  start: number,
): WeightedExperts | undefined {
  const first = nodes[start];
  if (first === undefined || first.op !== "MUL" || !isPlain(first)) return undefined;
  const second = nodes[start + 1];
  const inner = weightedBy(first);
  const outer = second === undefined ? undefined : weightedBy(second);
  const isScaled = inner !== undefined && outer !== undefined && outer.experts === first;
  const weighted = isScaled && second !== undefined ? second : first;
  if (inner === undefined) return undefined;
  const used = weighted.n1;
  if (used < 2 || used > MOST_EXPERTS) return undefined;
  const products = isScaled ? 2 : 1;
  const result = sumOf(nodes, start + products, weighted);
  if (result === undefined) return undefined;
  const kept = isScaled && outer !== undefined
    ? [inner.experts, outer.weights, inner.weights]
    : [inner.experts, inner.weights];
  return { kept, result, count: products + 2 * used - 1 };
}
