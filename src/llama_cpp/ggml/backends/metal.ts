import type { Device } from "../../options.ts";
import type { BufferType } from "../buffer_type.ts";
import { hasContiguousRows, isContiguousBeyond, spannedBytes } from "../layout.ts";
import { BF16, F16, type Tensor } from "../tensor.ts";
import { padTo } from "../tensor_bytes.ts";
import { ggmlType } from "../types.ts";
import type { Backend } from "./backend.ts";
import { batchRows, LEAST_BATCH } from "./batch_rows.ts";
import { arrangeForMetal } from "./metal_order.ts";
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

const ALIGNMENT = 32;

const rows: Supports = (tensor) => hasContiguousRows(a(tensor));
const floatRows: Supports = (tensor) => rows(tensor) && isSingleOrHalf(a(tensor));

const FUNCTIONS = named(
  "TANH RELU SIGMOID GELU GELU_ERF GELU_QUICK SILU ELU NEG ABS SGN STEP HARDSWISH HARDSIGMOID EXP " +
    "SOFTPLUS EXPM1 FLOOR CEIL ROUND TRUNC XIELU",
);
const GATED = named("REGLU GEGLU SWIGLU SWIGLU_OAI GEGLU_ERF GEGLU_QUICK SWIGLU_CLAMP");
const JOINED = named("F32 F16 I8 I16 I32 I64 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0");
const CACHED = named("F32 F16 BF16 Q8_0 Q4_0 Q4_1 Q5_0 Q5_1");
const ROWS_SET = named("F32 F16 BF16 Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 IQ4_NL TQ2_0");
const HEADS: ReadonlySet<number> = new Set(
  [32, 40, 48, 64, 72, 80, 96, 112, 128, 192, 256, 320, 512, 576],
);

/** Types that a copy from one may have. */
const QUANTIZED_COPIES = named("F32 F16");
const COPIES: ReadonlyMap<string, ReadonlySet<string>> = new Map([
  ["F32", named("F32 F16 BF16 Q8_0 Q1_0 Q2_0 Q4_0 Q4_1 Q5_0 Q5_1 IQ4_NL TQ2_0 I32")],
  ["F16", named("F32 F16")],
  ["BF16", named("F32 BF16")],
  ["I32", named("F32 I32")],
  ...[..."Q1_0 Q2_0 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 TQ2_0".split(" ")]
    .map((name) => [name, QUANTIZED_COPIES] as const),
]);

const supportsMatrix: Supports = (tensor) => {
  const [weight, x, ids] = tensor.sources;
  if (weight === undefined || x === undefined || typeName(weight) === "NVFP4") return false;
  if (x.type !== F16) return true;
  if (weight.type === BF16) return false;
  if (tensor.op === "MUL_MAT" && weight.type === F16) return true;
  // Kernels for whole matrices.
  if (weight.n0 < 64) return false;
  if (tensor.op === "MUL_MAT_ID") return (ids?.n1 ?? 0) >= 32;
  return weight.s0 <= weight.s1 && x.s0 <= x.s1 && x.n1 > 8;
};

const supportsFlashAttention: Supports = ({ sources: [q, k, v] }) =>
  q !== undefined && k !== undefined && v !== undefined && HEADS.has(q.n0) && k.type === v.type &&
  CACHED.has(typeName(k));

const supportsElementwise: Supports = (tensor) =>
  floatRows(tensor) && hasContiguousRows(b(tensor)) && a(tensor).type === b(tensor).type;

const supportsConnection: Supports = (tensor) => [...tensor.sources, tensor].every(isSingle);

/**
 * ggml-metal-device.m, `ggml_metal_device_supports_op`, of Apple's own chips (MTLGPUFamilyApple7 and
 * later), without what models of text don't have.
 */
const SUPPORTS: ReadonlyMap<string, Supports> = new Map<string, Supports>([
  ...("NONE RESHAPE VIEW TRANSPOSE PERMUTE REPEAT ROPE ROPE_BACK PAD ARGSORT TOP_K ARANGE ARGMAX " +
    "RWKV_WKV6 RWKV_WKV7 DIAG SSM_SCAN SSM_CONV").split(" ")
    .map((op): [string, Supports] => [op, always]),
  ..."SCALE FILL CLAMP SQR SQRT SIN COS LOG".split(" ")
    .map((op): [string, Supports] => [op, floatRows]),
  ..."TRI SUM_ROWS CUMSUM MEAN SOFT_MAX GROUP_NORM L2_NORM NORM RMS_NORM".split(" ")
    .map((op): [string, Supports] => [op, rows]),
  ..."ADD SUB MUL DIV ADD_ID".split(" ")
    .map((op): [string, Supports] => [op, supportsElementwise]),
  ..."CPY DUP CONT SET".split(" ").map((op): [string, Supports] => [
    op,
    (tensor) => COPIES.get(typeName(a(tensor)))?.has(typeName(tensor)) === true,
  ]),
  ["UNARY", (tensor) => FUNCTIONS.has(tensor.variant ?? "") && floatRows(tensor)],
  [
    "GLU",
    (tensor) =>
      GATED.has(tensor.variant ?? "") && isContiguousBeyond(a(tensor), 1) &&
      isSingleOrHalf(a(tensor)),
  ],
  [
    "CONCAT",
    (tensor) =>
      [a(tensor), b(tensor)].every(({ type }) => type === tensor.type) &&
      JOINED.has(typeName(tensor)),
  ],
  ["ACC", (tensor) => rows(tensor) && isSingle(a(tensor))],
  ["SUM", (tensor) => isContiguousBeyond(a(tensor), 0)],
  ["LEAKY_RELU", (tensor) => isSingleOrHalf(a(tensor))],
  ["ROLL", (tensor) => isContiguousBeyond(a(tensor), 0)],
  ["IM2COL", (tensor) => isSingle(b(tensor)) && isContiguousBeyond(b(tensor), 0)],
  ["FLASH_ATTN_EXT", supportsFlashAttention],
  [
    "LIGHTNING_INDEXER",
    (tensor) => a(tensor).n0 === 128 && a(tensor).n1 === 64 && CACHED.has(typeName(b(tensor))),
  ],
  ["DSV4_HC_COMB", supportsConnection],
  ["DSV4_HC_PRE", supportsConnection],
  ["DSV4_HC_POST", supportsConnection],
  ["GATED_DELTA_NET", (tensor) => (tensor.sources[2]?.n0 ?? 1) % 32 === 0],
  ["SOLVE_TRI", (tensor) => isSingle(a(tensor))],
  ["MUL_MAT", supportsMatrix],
  ["MUL_MAT_ID", supportsMatrix],
  ["GET_ROWS", (tensor) => typeName(a(tensor)) !== "NVFP4"],
  [
    "SET_ROWS",
    (tensor) =>
      a(tensor).type === F16
        ? tensor.type === F16
        : isSingle(a(tensor)) && ROWS_SET.has(typeName(tensor)),
  ],
]);

/** Queries and cells that one group of threads takes (OP_FLASH_ATTN_EXT_NQPSG and kin). */
const MATRIX_GROUP = { queries: 8, cells: 64 };
const VECTOR_GROUP = { queries: 1, cells: 32 };

/** Workgroups whose results are joined, and queries for which they are kept. */
const WORKGROUPS = 32;
const MOST_QUERIES = 32;

/** Flash attention's scratch behind its result (ggml-metal-ops.cpp, `flash_attn_ext_extra_*`). */
function flashAttentionBytes(tensor: Tensor): number {
  const [q, k, v, mask] = tensor.sources;
  let bytes = spannedBytes(tensor);
  if (q === undefined || k === undefined || v === undefined) return bytes;
  const isPartOfKeys = v.root !== undefined && (v.root === k || v.root === k.root);
  const isConverted = q.n1 >= 32 && ggmlType(k.type).blockElements > 1;
  const keyRow = isConverted ? 2 * k.n0 : k.s1;
  const valueRow = isConverted ? 2 * (isPartOfKeys ? k.n0 : v.n0) : v.s1;
  const maskRows = mask === undefined ? 0 : mask.n1 * mask.n2 * mask.n3;
  bytes += MATRIX_GROUP.cells *
    (keyRow * k.n2 * k.n3 + valueRow * v.n2 * v.n3 + 2 * maskRows);
  if (mask !== undefined) {
    const { queries, cells } = q.n1 < 20 && q.n0 % 32 === 0 ? VECTOR_GROUP : MATRIX_GROUP;
    const blocks = Math.ceil(q.n1 / queries) * Math.ceil(mask.n0 / cells);
    bytes += padTo(blocks * mask.n2 * mask.n3, 32);
  }
  bytes += 4 * Math.min(q.n1, MOST_QUERIES) * q.n2 * q.n3 * WORKGROUPS * (v.n0 + 2);
  bytes += padTo(2 * k.elements, 16) + (isPartOfKeys ? 0 : padTo(2 * v.elements, 16));
  return bytes;
}

/** `ggml_backend_metal_buffer_type_get_alloc_size`: some operations keep scratch behind a result. */
function bytesOf(tensor: Tensor): number {
  switch (tensor.op) {
    case "MUL_MAT_ID": {
      const [weight, , ids] = tensor.sources;
      return spannedBytes(tensor) + 4 * (weight?.n2 ?? 0) * (1 + (ids?.n1 ?? 0));
    }
    case "FLASH_ATTN_EXT":
      return flashAttentionBytes(tensor);
    case "CUMSUM":
    case "ARGSORT":
      return 2 * spannedBytes(tensor);
    case "TOP_K":
      return 8 * a(tensor).elements;
    default:
      return spannedBytes(tensor);
  }
}

/** Apple's devices by ggml-metal. */
export function metalBackend(device: Device): Backend {
  const buffer: BufferType = {
    alignment: device.alignment ?? ALIGNMENT,
    largestBytes: device.largestBufferBytes ?? Infinity,
    rowPadding: 1,
  };
  return {
    buffer,
    hostBuffer: undefined,
    readsHostBuffer: false,
    refusesForeign: false,
    overlaps: true,
    supports: (tensor) => SUPPORTS.get(tensor.op)?.(tensor) ?? false,
    takes: (tensor) =>
      (tensor.op === "MUL_MAT" || tensor.op === "MUL_MAT_ID") && batchRows(tensor) >= LEAST_BATCH,
    bytesOf,
    arrange: arrangeForMetal,
  };
}
