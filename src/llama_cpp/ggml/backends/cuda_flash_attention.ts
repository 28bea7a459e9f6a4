import { spannedBytes } from "../layout.ts";
import { F16, F32, type Tensor } from "../tensor.ts";
import { padTo } from "../tensor_bytes.ts";
import { ggmlType, isQuantized } from "../types.ts";

/** What decides beside the tensors. */
export interface FlashAttentionOn {
  /** 90 for 9.0. */
  readonly computeCapability: number;
  /** Whether attention is biased by distance (`max_bias`). */
  readonly isBiased: boolean;
}

const TURING = 75;
const ADA_LOVELACE = 89;
const VOLTA = 70;

/** Cells that the kernels take at once (FATTN_KQ_STRIDE). */
const STRIDE = 256;

type Kernel = "none" | "tile" | "vector" | "matrix";

/** What caches may hold, as the engine is built: without GGML_CUDA_FA_ALL_QUANTS. */
const CACHE_TYPES: ReadonlySet<string> = new Set(["F32", "F16", "Q4_0", "Q8_0", "BF16"]);

/** Heads whose keys and values are as long as each other, which need nothing besides. */
const PLAIN_LENGTHS: ReadonlySet<number> = new Set([40, 64, 72, 80, 96, 112, 128, 256]);

/** Other lengths of keys: of the values beside them, and of what queries for each key divide by. */
const SPECIAL_LENGTHS: ReadonlyMap<number, { readonly values: number; readonly ratio: number }> =
  new Map([
    [192, { values: 128, ratio: 8 }],
    [320, { values: 256, ratio: 32 }],
    [512, { values: 512, ratio: 1 }],
    [576, { values: 512, ratio: 1 }],
  ]);

function isAligned(tensor: Tensor): boolean {
  return isQuantized(tensor.type) ||
    (tensor.s1 % 16 === 0 && tensor.s2 % 16 === 0 && tensor.s3 % 16 === 0);
}

/** The kernel that computes this (fattn.cu, `ggml_cuda_get_best_fattn_kernel`, of NVIDIA's cards). */
function kernelFor(tensor: Tensor, { computeCapability, isBiased }: FlashAttentionOn): Kernel {
  const [q, k, v, mask] = tensor.sources;
  if (q === undefined || k === undefined || v === undefined) return "none";
  const ratio = Math.floor(q.n2 / k.n2);
  const groupsQueries = ratio >= 2 && mask !== undefined && !isBiased && k.n1 % STRIDE === 0 &&
    [q, k, v, mask].every(isAligned);
  const special = SPECIAL_LENGTHS.get(k.n0);
  if (special === undefined) {
    if (!PLAIN_LENGTHS.has(k.n0) || v.n0 !== k.n0) return "none";
  } else if (v.n0 !== special.values || !groupsQueries || ratio % special.ratio !== 0) {
    return "none";
  }
  if (k.type !== v.type || !CACHE_TYPES.has(ggmlType(k.type).name)) return "none";
  if (mask !== undefined && mask.n2 !== 1) return "none";

  const fitsVector = q.n0 <= 256 && q.n0 % 64 === 0 && q.n0 !== 192 && k.n1 % STRIDE === 0;
  const fitsMatrix = q.n0 !== 40 && q.n0 !== 72;
  if (computeCapability >= TURING && fitsMatrix) {
    const isRecent = computeCapability >= ADA_LOVELACE;
    if (!fitsVector) return "matrix";
    if (isQuantized(k.type)) {
      if (q.n1 <= (isRecent ? 2 : 1)) return "vector";
    } else if (isRecent && q.n1 === 1 && q.n3 === 1 && !(ratio > 4 && k.n1 >= 8192)) {
      return "vector";
    }
    return !groupsQueries && q.n1 === 1 ? "vector" : "matrix";
  }
  if (computeCapability >= VOLTA && computeCapability < TURING && fitsMatrix) {
    const most = q.n0 === 320 ? 32 : q.n0 === 576 || q.n0 === 192 ? 16 : 8;
    let grouped = 1;
    while (ratio % (2 * grouped) === 0 && grouped < most) grouped *= 2;
    if (fitsVector && q.n1 * grouped <= 2) return "vector";
    return q.n1 * grouped <= 16 ? "tile" : "matrix";
  }
  if (fitsVector && (isQuantized(k.type) ? q.n1 <= 2 : q.n1 === 1 && !groupsQueries)) {
    return "vector";
  }
  return "tile";
}

/** Whether a card computes flash attention of such heads and caches. */
export function supportsFlashAttention(tensor: Tensor, on: FlashAttentionOn): boolean {
  return kernelFor(tensor, on) !== "none";
}

/**
 * Bytes of the result and of the keys and values as halves behind it, where the kernel wants them
 * so (`ggml_cuda_flash_attn_ext_get_alloc_size`).
 */
export function flashAttentionBytes(tensor: Tensor, on: FlashAttentionOn): number {
  const [, k, v] = tensor.sources;
  const kernel = kernelFor(tensor, on);
  let bytes = spannedBytes(tensor);
  if (k === undefined || v === undefined || kernel === "none") return bytes;
  const needsHalves = ({ type }: Tensor) => type !== F16 && (kernel !== "vector" || type === F32);
  const add = (from: Tensor) => bytes = padTo(bytes, 128) + from.elements * 2;
  if (needsHalves(k)) add(k);
  // Values that are a part of the keys are converted with them.
  const isPartOfKeys = v.root !== undefined && (v.root === k || v.root === k.root);
  if (needsHalves(v) && !isPartOfKeys) add(v);
  return bytes;
}
