import type { Device } from "../../options.ts";
import { askedBytes, type BufferType, RAM_BUFFER } from "../buffer_type.ts";
import { hasContiguousRows, isContiguousBeyond, spannedBytes } from "../layout.ts";
import { F16, F32, I32, I64, type Tensor } from "../tensor.ts";
import { ggmlType } from "../types.ts";
import type { Backend, Keep } from "./backend.ts";
import { batchRows, LEAST_BATCH } from "./batch_rows.ts";
import { flashAttentionBytes, supportsFlashAttention } from "./cuda_flash_attention.ts";
import { a, always, b, isFloat, isSingle, named, type Supports, typeName } from "./supports.ts";
import { weightedExpertsAt } from "./weighted_experts.ts";

const BUFFER: BufferType = { alignment: 128, largestBytes: Infinity, rowPadding: 512 };

/** A recent card's, where nobody says which it is. */
const USUAL_COMPUTE_CAPABILITY = 90;

const SUPER_BLOCK = 256;

const contiguous: Supports = (tensor) => isContiguousBeyond(a(tensor), 0);
const bothContiguous: Supports = (tensor) => contiguous(tensor) && isContiguousBeyond(b(tensor), 0);
const rows: Supports = (tensor) => hasContiguousRows(a(tensor));

const MULTIPLIED = named(
  "F32 F16 BF16 Q1_0 Q2_0 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 MXFP4 NVFP4 Q2_K Q3_K Q4_K Q5_K Q6_K Q8_K " +
    "IQ1_M IQ1_S IQ2_S IQ2_XS IQ2_XXS IQ3_S IQ3_XXS IQ4_NL IQ4_XS",
);
const LOOKED_UP = named(
  "F32 F16 BF16 I32 Q1_0 Q2_0 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 Q2_K Q3_K Q4_K Q5_K Q6_K " +
    "IQ1_M IQ1_S IQ2_S IQ2_XS IQ2_XXS IQ3_S IQ3_XXS IQ4_XS",
);
/** Whose rows are looked up by blocks of 256. */
const LOOKED_UP_WHOLE = named("IQ4_NL MXFP4");
const ROWS_SET = named("F32 F16 BF16 Q4_0 Q4_1 Q5_0 Q5_1 Q8_0 IQ4_NL");
const COPIED = named(
  "F32>Q8_0 Q8_0>F32 F32>Q4_0 Q4_0>F32 F32>Q4_1 Q4_1>F32 F32>Q5_0 Q5_0>F32 " +
    "F32>Q5_1 Q5_1>F32 F32>IQ4_NL F32>I32 I32>F32 I32>I32",
);
const GATED = named("REGLU GEGLU SWIGLU SWIGLU_OAI GEGLU_ERF GEGLU_QUICK SWIGLU_CLAMP");
const INDEXED = named("F32 BF16 F16 Q8_0 Q5_1 Q5_0 Q4_1 Q4_0");

const supportsMatrix: Supports = (tensor) => {
  const [weight, x] = [a(tensor), b(tensor)];
  if (weight.s0 !== ggmlType(weight.type).blockBytes || x.s0 !== ggmlType(x.type).blockBytes) {
    return false;
  }
  return (x.type !== F16 || weight.type === F16) && MULTIPLIED.has(typeName(weight));
};

const supportsLookup: Supports = (tensor) => {
  const table = a(tensor);
  const name = typeName(table);
  return LOOKED_UP.has(name) || (LOOKED_UP_WHOLE.has(name) && table.n0 % SUPER_BLOCK === 0);
};

const supportsRowsSet: Supports = (tensor) => {
  const [values, indices] = [a(tensor), b(tensor)];
  const isTaken = values.type === F32
    ? ROWS_SET.has(typeName(tensor))
    : values.type === F16 && tensor.type === F16;
  return isTaken && (indices.type === I64 || indices.type === I32);
};

const supportsCopy: Supports = (tensor) => {
  // A cast copies into itself.
  const [from, to] = [a(tensor), tensor.sources[1] ?? tensor];
  if (isFloat(from) && isFloat(to)) return true;
  return COPIED.has(`${typeName(from)}>${typeName(to)}`) ||
    (from.type === to.type && isContiguousBeyond(from, 0) && isContiguousBeyond(to, 0));
};

const supportsElementwise: Supports = (tensor) =>
  [a(tensor), b(tensor), tensor].every(({ type }) => type === F32 || type === F16);

const supportsConcat: Supports = (tensor) => {
  const [first, second] = [a(tensor), b(tensor)];
  if (first.type !== second.type || first.type !== tensor.type) return false;
  return ggmlType(first.type).blockElements === 1 || bothContiguous(tensor);
};

const supportsScan: Supports = ({ sources: [state, , , decay, group] }) => {
  if (state === undefined || decay === undefined || group === undefined) return false;
  // Mamba-2 has one number for each head.
  if (decay.n0 === 1) return (state.n0 === 128 || state.n0 === 256) && state.n1 % 16 === 0;
  return state.n0 === 16 && state.n1 === 1 && state.n2 % 128 === 0 && group.n1 === 1;
};

const supportsIndexer: Supports = ({ sources: [q, k] }) => {
  if (q === undefined || k === undefined) return false;
  if (q.n0 !== 128 || (q.n1 !== 64 && q.n1 !== 32)) return false;
  const isAligned = (tensor: Tensor) =>
    ggmlType(tensor.type).blockElements > 1 ||
    (tensor.s1 % 16 === 0 && tensor.s2 % 16 === 0 && tensor.s3 % 16 === 0);
  return isAligned(q) && isAligned(k) && INDEXED.has(typeName(k));
};

const supportsRope: Supports = (tensor) => {
  const x = a(tensor);
  return x.s0 === ggmlType(x.type).blockBytes && isContiguousBeyond(x, 2);
};

/** ggml-cuda.cu, `ggml_backend_cuda_device_supports_op`, without what models of text don't have. */
const SUPPORTS: ReadonlyMap<string, Supports> = new Map<string, Supports>([
  ...("NONE RESHAPE VIEW PERMUTE TRANSPOSE ADD_ID ADD1 SCALE SQR SQRT SIN COS CLAMP LOG CONT " +
    "DIAG_MASK_INF SOFT_MAX TOP_K ARGSORT ARGMAX PAD ARANGE LEAKY_RELU RWKV_WKV6 RWKV_WKV7 " +
    "GATED_LINEAR_ATTN GATED_DELTA_NET FILL CUMSUM TRI DIAG SOLVE_TRI POOL_1D POOL_2D UPSCALE")
    .split(" ").map((op): [string, Supports] => [op, always]),
  ["UNARY", contiguous],
  ["GLU", (tensor) => GATED.has(tensor.variant ?? "") && isContiguousBeyond(a(tensor), 1)],
  ["MUL_MAT", supportsMatrix],
  ["MUL_MAT_ID", supportsMatrix],
  ["OUT_PROD", (tensor) => isSingle(tensor) && isSingle(a(tensor)) && isSingle(b(tensor))],
  ["GET_ROWS", supportsLookup],
  ["SET_ROWS", supportsRowsSet],
  [
    "SET",
    (tensor) =>
      (tensor.type === F32 || tensor.type === I32) && tensor.type === a(tensor).type &&
      tensor.type === b(tensor).type,
  ],
  ["CPY", supportsCopy],
  ["DUP", (tensor) => a(tensor).type !== I32],
  ["REPEAT", (tensor) => a(tensor).type === F32 || a(tensor).type === F16],
  ["CONCAT", supportsConcat],
  ["NORM", rows],
  ["RMS_NORM", rows],
  ["L2_NORM", rows],
  ["SUM", rows],
  ["ADD", supportsElementwise],
  ["SUB", supportsElementwise],
  ["MUL", supportsElementwise],
  ["DIV", supportsElementwise],
  ["SSM_SCAN", supportsScan],
  ["SSM_CONV", (tensor) => a(tensor).n1 % 128 === 0],
  ["ROLL", (tensor) => isSingle(a(tensor)) && contiguous(tensor)],
  ["ROPE", supportsRope],
  ["ROPE_BACK", supportsRope],
  ["IM2COL", bothContiguous],
  ["ACC", bothContiguous],
  ["SUM_ROWS", contiguous],
  ["MEAN", contiguous],
  ["GROUP_NORM", contiguous],
  ["LIGHTNING_INDEXER", supportsIndexer],
  ...["DSV4_HC_COMB", "DSV4_HC_PRE", "DSV4_HC_POST"].map((op): [string, Supports] => [
    op,
    (tensor) => isSingle(tensor) && tensor.sources.every(isSingle),
  ]),
]);

/** Keeps what a weighted sum of experts reads until it is done. */
function keepExperts(nodes: readonly Tensor[], keep: Keep): void {
  for (let index = 0; index < nodes.length; index++) {
    if (nodes[index]?.op !== "MUL") continue;
    const found = weightedExpertsAt(nodes, index);
    if (found === undefined) continue;
    keep(found.kept, found.result);
    index += found.count - 1;
  }
}

/**
 * NVIDIA's cards by ggml-cuda.
 *
 * @param isBiased whether attention is biased by distance
 */
export function cudaBackend(device: Device, isBiased: boolean): Backend {
  const { computeCapability = USUAL_COMPUTE_CAPABILITY } = device;
  const on = { computeCapability, isBiased };
  const buffer = { ...BUFFER, alignment: device.alignment ?? BUFFER.alignment };
  return {
    buffer,
    hostBuffer: RAM_BUFFER,
    readsHostBuffer: device.isUnified,
    refusesForeign: true,
    overlaps: true,
    supports: (tensor) =>
      tensor.op === "FLASH_ATTN_EXT"
        ? supportsFlashAttention(tensor, on)
        : SUPPORTS.get(tensor.op)?.(tensor) ?? false,
    takes: (tensor) => batchRows(tensor) >= LEAST_BATCH,
    bytesOf: (tensor) => {
      if (tensor.op === "FLASH_ATTN_EXT") return flashAttentionBytes(tensor, on);
      const type = ggmlType(tensor.type);
      return askedBytes(buffer, { type, n0: tensor.n0, bytes: spannedBytes(tensor) });
    },
    arrange: (nodes, keep) => {
      keepExperts(nodes, keep);
      return nodes;
    },
  };
}
