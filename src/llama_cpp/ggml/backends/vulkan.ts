import type { Device } from "../../options.ts";
import type { BufferType } from "../buffer_type.ts";
import { hasContiguousRows, isContiguousBeyond, spannedBytes } from "../layout.ts";
import { BF16, F16, F32, I32, I64, type Tensor } from "../tensor.ts";
import { ggmlType, isQuantized } from "../types.ts";
import type { Backend } from "./backend.ts";
import { batchRows, LEAST_BATCH } from "./batch_rows.ts";
import {
  a,
  always,
  b,
  isSingle,
  isSingleOrHalf,
  named,
  type Supports,
  typeName,
} from "./supports.ts";
import { arrangeForVulkan } from "./vulkan_order.ts";

/** Larger buffers are cut, so that memory isn't asked for in too large pieces. */
const LARGEST_BUFFER = 1024 ** 3;

/** `minStorageBufferOffsetAlignment` of most cards and of Mesa's software driver. */
const USUAL_ALIGNMENT = 16;

/** `maxStorageBufferRange` of most drivers: as much as 32 bits count. */
const USUAL_LARGEST_TENSOR = 2 ** 32 - 1;

/** `minMemoryMapAlignment` of most drivers. */
const HOST_BUFFER: BufferType = { alignment: 64, largestBytes: LARGEST_BUFFER, rowPadding: 1 };

const contiguous: Supports = (tensor) => isContiguousBeyond(a(tensor), 0);
const single: Supports = (tensor) => isSingle(a(tensor));
const plainSingle: Supports = (tensor) => single(tensor) && contiguous(tensor);
const sameFloat: Supports = (tensor) => isSingleOrHalf(a(tensor)) && tensor.type === a(tensor).type;

const MULTIPLIED = named(
  "F32 F16 BF16 Q1_0 Q2_0 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K IQ1_S IQ1_M IQ2_XXS " +
    "IQ2_XS IQ2_S IQ3_XXS IQ3_S IQ4_XS IQ4_NL MXFP4 NVFP4 TQ2_0",
);
const CACHED = named("F32 F16 BF16 Q8_0 Q5_1 Q5_0 Q4_1 Q4_0 IQ4_NL");
const COPIED = named("F32 F16 BF16 Q1_0 Q2_0 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 IQ4_NL");
const FUNCTIONS = named(
  "EXP EXPM1 ELU GELU GELU_ERF GELU_QUICK SILU RELU XIELU NEG TANH SIGMOID HARDSIGMOID HARDSWISH ABS " +
    "SOFTPLUS STEP ROUND CEIL FLOOR TRUNC SGN",
);
const GATED = named("GEGLU REGLU SWIGLU SWIGLU_OAI GEGLU_ERF GEGLU_QUICK SWIGLU_CLAMP");

/** `ggml_vk_dim01_contiguous` */
function hasPlainMatrices(tensor: Tensor): boolean {
  const { blockBytes, blockElements } = ggmlType(tensor.type);
  const { n0, n2, n3, s0, s1, s2, s3 } = tensor;
  return s0 === blockBytes && s1 === s0 * n0 / blockElements && (n3 === 1 || s3 === s2 * n2);
}

const supportsMatrix: Supports = (tensor) => {
  const [weight, x, ids] = tensor.sources;
  if (weight === undefined || x === undefined || !MULTIPLIED.has(typeName(weight))) return false;
  if ((tensor.op === "MUL_MAT" ? weight : ids ?? weight).n3 !== x.n3) return false;
  const weightFits = hasPlainMatrices(weight) || isSingleOrHalf(weight) || weight.type === BF16;
  if (!weightFits || !(hasPlainMatrices(x) || isSingleOrHalf(x))) return false;
  return weight.type !== BF16 || x.type !== F16;
};

const supportsFlashAttention: Supports = (tensor) => {
  const [q, k, v, mask, sinks] = tensor.sources;
  if (q === undefined || k === undefined || v === undefined) return false;
  if (k.n0 % 8 !== 0 || v.n0 % 8 !== 0 || !isSingle(q)) return false;
  if (mask !== undefined && mask.type !== F16) return false;
  if (sinks !== undefined && !isSingle(sinks)) return false;
  if (!CACHED.has(typeName(k)) || !CACHED.has(typeName(v))) return false;
  return (k.type === BF16) === (v.type === BF16);
};

const supportsRowsSet: Supports = (tensor) => {
  const [values, indices] = [a(tensor), b(tensor)];
  return isSingleOrHalf(values) && (indices.type === I32 || indices.type === I64) &&
    COPIED.has(typeName(tensor));
};

const supportsCopy: Supports = (tensor) => {
  const from = a(tensor);
  // A cast copies into itself, and what is made contiguous keeps its type.
  const to = tensor.op === "CONT" ? from : tensor.sources[1] ?? tensor;
  if (from.type === F32 && (COPIED.has(typeName(to)) || to.type === I32)) return true;
  if (to.type === F32 && (COPIED.has(typeName(from)) || from.type === I32)) return true;
  if (from.type !== to.type || ggmlType(from.type).blockBytes % 2 !== 0) return false;
  return !isQuantized(from.type) || (isContiguousBeyond(from, 0) && isContiguousBeyond(tensor, 0));
};

const supportsElementwise: Supports = (tensor) =>
  [a(tensor), b(tensor), tensor].every(isSingleOrHalf);

const supportsConcat: Supports = (tensor) => {
  const all = [a(tensor), b(tensor), tensor];
  if (all.some(({ type }) => type !== tensor.type)) return false;
  return !isQuantized(tensor.type) || all.every(hasContiguousRows);
};

const supportsScan: Supports = (tensor) => {
  const [state, , , decay] = tensor.sources;
  if (state === undefined || decay === undefined || !isSingle(state)) return false;
  // Mamba-2 has one number for each head.
  return decay.s1 === 4 && (state.n0 === 128 || state.n0 === 256) && state.n1 % 16 === 0;
};

const supportsIndexer: Supports = (tensor) => {
  const [q, k, weights, mask] = tensor.sources;
  if (q === undefined || k === undefined || q.n0 !== 128 || !CACHED.has(typeName(k))) return false;
  return [q, k, weights, mask, tensor].every((one) => {
    if (one === undefined) return true;
    const { blockBytes } = ggmlType(one.type);
    return one.s0 === blockBytes && [one.s1, one.s2, one.s3].every((s) => s % blockBytes === 0);
  });
};

const DELTA_LENGTHS: ReadonlySet<number> = new Set([16, 32, 64, 128]);

/** ggml-vulkan.cpp, `ggml_backend_vk_device_supports_op`, without what models of text don't have. */
const SUPPORTS: ReadonlyMap<string, Supports> = new Map<string, Supports>([
  ...("NONE RESHAPE VIEW PERMUTE TRANSPOSE RMS_NORM ROPE_BACK RWKV_WKV6 RWKV_WKV7 TOP_K SOLVE_TRI")
    .split(" ").map((op): [string, Supports] => [op, always]),
  ["UNARY", (tensor) => FUNCTIONS.has(tensor.variant ?? "") && sameFloat(tensor)],
  [
    "GLU",
    (tensor) =>
      GATED.has(tensor.variant ?? "") && sameFloat(tensor) &&
      (tensor.sources[1] ?? tensor).type === tensor.type,
  ],
  ["MUL_MAT", supportsMatrix],
  ["MUL_MAT_ID", supportsMatrix],
  ["FLASH_ATTN_EXT", supportsFlashAttention],
  ["GET_ROWS", (tensor) => MULTIPLIED.has(typeName(a(tensor))) || a(tensor).type === I32],
  ["SET_ROWS", supportsRowsSet],
  ["CONT", supportsCopy],
  ["CPY", supportsCopy],
  ["DUP", supportsCopy],
  [
    "REPEAT",
    (tensor) => {
      const bytes = ggmlType(tensor.type).blockBytes;
      return bytes === ggmlType(a(tensor).type).blockBytes && (bytes === 4 || bytes === 2);
    },
  ],
  ["ROPE", (tensor) => hasContiguousRows(tensor) && hasContiguousRows(a(tensor))],
  ["GROUP_NORM", contiguous],
  ["NORM", single],
  ["L2_NORM", single],
  ["ADD", supportsElementwise],
  ["SUB", supportsElementwise],
  ["MUL", supportsElementwise],
  ["DIV", supportsElementwise],
  ["ADD_ID", (tensor) => isSingle(tensor) && single(tensor) && isSingle(b(tensor))],
  ...("SQR SQRT SIN COS CLAMP LEAKY_RELU LOG TRI DIAG").split(" ")
    .map((op): [string, Supports] => [op, sameFloat]),
  ["ARGSORT", (tensor) => contiguous(tensor) && isContiguousBeyond(tensor, 0)],
  ["ACC", (tensor) => single(tensor) && isSingle(b(tensor))],
  [
    "SET",
    (tensor) =>
      (tensor.type === F32 || tensor.type === I32) && tensor.type === a(tensor).type &&
      tensor.type === b(tensor).type,
  ],
  ["CONCAT", supportsConcat],
  ["ARANGE", isSingle],
  ["FILL", isSingleOrHalf],
  ["SCALE", plainSingle],
  ["PAD", single],
  ["ROLL", single],
  ["DIAG_MASK_INF", plainSingle],
  [
    "SOFT_MAX",
    (tensor) => plainSingle(tensor) && isSingleOrHalf(tensor.sources[1] ?? a(tensor)),
  ],
  ...["SUM", "SUM_ROWS", "MEAN", "CUMSUM"].map((op): [string, Supports] => [
    op,
    (tensor) => single(tensor) && hasContiguousRows(a(tensor)),
  ]),
  ["ARGMAX", plainSingle],
  ["IM2COL", (tensor) => isSingle(b(tensor)) && isContiguousBeyond(b(tensor), 0)],
  ["GATED_LINEAR_ATTN", (tensor) => single(tensor) && a(tensor).n0 === 64],
  ["LIGHTNING_INDEXER", supportsIndexer],
  [
    "GATED_DELTA_NET",
    (tensor) => DELTA_LENGTHS.has(tensor.sources[2]?.n0 ?? 0) && tensor.sources.every(isSingle),
  ],
  ["SSM_SCAN", supportsScan],
  ["SSM_CONV", single],
]);

/**
 * Devices by ggml-vulkan. What it says of a device's features is taken for granted as all drivers of
 * the last years have them: subgroup operations, the memory model, halves.
 */
export function vulkanBackend(device: Device): Backend {
  const largest = device.largestTensorBytes ?? USUAL_LARGEST_TENSOR;
  const buffer: BufferType = {
    alignment: device.alignment ?? USUAL_ALIGNMENT,
    largestBytes: Math.min(device.largestBufferBytes ?? LARGEST_BUFFER, LARGEST_BUFFER),
    rowPadding: 1,
  };
  const fits = (tensor: Tensor) => spannedBytes(tensor) <= largest;
  return {
    buffer,
    hostBuffer: { ...HOST_BUFFER, largestBytes: buffer.largestBytes },
    readsHostBuffer: false,
    refusesForeign: false,
    overlaps: true,
    supports: (tensor) =>
      fits(tensor) && tensor.sources.every(fits) &&
      (SUPPORTS.get(tensor.op)?.(tensor) ?? false),
    takes: (tensor) => batchRows(tensor) >= LEAST_BATCH,
    bytesOf: spannedBytes,
    arrange: arrangeForVulkan,
  };
}
