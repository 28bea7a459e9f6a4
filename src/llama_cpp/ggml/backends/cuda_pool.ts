import { isContiguousBeyond } from "../layout.ts";
import { BF16, F16, F32, type Tensor } from "../tensor.ts";
import { padTo } from "../tensor_bytes.ts";
import { ggmlType, isQuantized } from "../types.ts";

/** What of a card decides which kernels compute an operation, and in how many pieces. */
export interface CudaCard {
  /** As 90 for 9.0. */
  readonly computeCapability: number;
  readonly multiprocessors: number;
}

/** What an operation takes beside its tensors while it is computed. */
export interface PoolNeed {
  /** Bytes of the pool that a context has on each of its devices. */
  readonly bytes: number;
  /** Whether cuBLAS computes it, of which the context then keeps a handle. */
  readonly usesCublas: boolean;
}

const NOTHING: PoolNeed = { bytes: 0, usesCublas: false };

/** What every piece of a pool starts at a multiple of. */
const ALIGNMENT = 128;

/** Activations are laid out in blocks of 128 numbers in 8 bits with their scales, rows padded. */
const ROW_PADDING = 512;
const QUANTIZED_BYTES = 144 / 128;

/** The most columns that kernels for vectors take (MMVQ_MAX_BATCH_SIZE, MMVF_MAX_BATCH_SIZE). */
const VECTOR_COLUMNS = 8;

/** The most columns of the multiplication of floats with tensor cores (mmf.cu), experts apart. */
const FLOAT_COLUMNS = 16;

/** Rows that one block of it computes (MMF_ROWS_PER_BLOCK). */
const FLOAT_ROWS = 32;

/** Types that the multiplication of quantized matrices has no kernel for. */
const WITHOUT_KERNEL = new Set(["IQ1_M", "Q8_1", "Q8_K", "TQ1_0", "TQ2_0"]);

/** Columns of a tile, smallest first: where rows divide by 128, and where they don't. */
const TILE_COLUMNS = [8, 16, 24, 32, 40, 48, 64, 80, 96, 112, 128];
const TILE_COLUMNS_UNEVEN = [8, 16, 32, 64, 128];

const VOLTA = 70;
const TURING = 75;
const AMPERE = 80;

/** The oldest card that the engine's package has kernels for: CUDA 13 knows none before it. */
const OLDEST = TURING;

function pieces(...bytes: readonly number[]): number {
  return bytes.reduce((sum, piece) => sum + padTo(Math.max(0, piece), ALIGNMENT), 0);
}

function isFloat(type: number): boolean {
  return type === F32 || type === F16 || type === BF16;
}

/** Whether rows start where pairs of numbers may be read. */
function isPaired({ type, n0, s0, s1, s2, s3 }: Tensor): boolean {
  const { blockBytes } = ggmlType(type);
  return n0 % 2 === 0 && s0 === blockBytes &&
    [s1, s2, s3].every((stride) => stride % (2 * blockBytes) === 0);
}

/** `ggml_cuda_should_use_mmvf` */
function isVectorOfFloats(weight: Tensor, columns: number, capability: number): boolean {
  if (!isFloat(weight.type) || !isPaired(weight)) return false;
  if (weight.type === F32) {
    return columns <= (capability === TURING ? 4 : 3);
  }
  const isSmall = weight.n1 <= 512 || weight.n2 * weight.n3 === 1;
  if (capability >= AMPERE) return isSmall && columns === 1;
  const hasTensorCores = weight.type === F16 && capability >= VOLTA;
  return hasTensorCores ? isSmall && columns <= 3 : columns <= VECTOR_COLUMNS;
}

/** `ggml_cuda_should_use_mmf` */
function isMatrixOfFloats(weight: Tensor, columns: number, card: CudaCard, ofExperts: boolean) {
  const { type, n0, n1 } = weight;
  const capability = card.computeCapability;
  if (!isFloat(type) || !isPaired(weight) || n1 % FLOAT_ROWS !== 0) return false;
  if (n0 % (32 * (4 / ggmlType(type).blockBytes)) !== 0) return false;
  const most = !ofExperts ? FLOAT_COLUMNS : n1 <= 1024 ? 512 : 128;
  if (columns > most) return false;
  return capability >= (type === F16 ? TURING : AMPERE);
}

/** `ggml_cuda_should_use_mmq`, as the engine's package is compiled */
function isMultipliedQuantized({ type }: Tensor, capability: number, ofExperts: boolean): boolean {
  if (!isQuantized(type) || WITHOUT_KERNEL.has(ggmlType(type).name)) return false;
  return capability >= OLDEST || ofExperts;
}

/** Sizes of rotations that have a kernel (fwht.cu); keys and values of a quantized cache have one. */
const ROTATIONS = [64, 128, 256, 512];

function isRotation({ isLeaf, isExternal, weightName, n0, n1 }: Tensor): boolean {
  return isLeaf && !isExternal && weightName === undefined && n0 === n1 && ROTATIONS.includes(n0);
}

/**
 * Activations in 8 bits, and the tiles that several multiprocessors share (mmq.cuh,
 * `launch_mul_mat_q`).
 *
 * @param weight `n2` and `n3` of the matrices that are multiplied, all experts among them
 * @param columns of the widest of them
 * @param rows of activations, all matrices together
 */
function quantizedBytes(
  weight: Tensor,
  { columns, rows, matrices }: { columns: number; rows: number; matrices: number },
  { computeCapability, multiprocessors }: CudaCard,
): readonly number[] {
  const isEven = weight.n1 % 128 === 0;
  const widest = computeCapability >= OLDEST ? 128 : 64;
  const tiles = (isEven ? TILE_COLUMNS : TILE_COLUMNS_UNEVEN).filter((tile) => tile <= widest);
  const fewest = Math.ceil(columns / widest);
  const tile = tiles.find((tile) => Math.ceil(columns / tile) === fewest) ?? widest;
  const activations = rows * padTo(weight.n0, ROW_PADDING) * QUANTIZED_BYTES;
  // A scale for each row of activations in 4 bits, on Blackwell.
  const scales = computeCapability >= 120 && ggmlType(weight.type).name === "NVFP4" ? 4 * rows : 0;
  if (computeCapability < OLDEST) return [activations + widest * 144, scales];
  const count = Math.ceil(weight.n1 / 128) * fewest * matrices;
  const waves = Math.ceil(count / multiprocessors);
  const isEfficient = Math.floor(100 * count / (multiprocessors * waves)) >= 90;
  const blocks = isEfficient ? count : multiprocessors;
  const shared = count % blocks === 0 ? 0 : blocks * tile * 128 * 4;
  return [activations + widest * 144, scales, shared];
}

/** Both operands and the product in the type that cuBLAS computes in, where they have another. */
function cublasNeed(weight: Tensor, activations: Tensor, product: number, card: CudaCard) {
  const { computeCapability } = card;
  const isFast = computeCapability !== 61;
  const halves = isQuantized(weight.type) || weight.type === F16;
  const type = halves ? (isFast ? F16 : F32) : weight.type;
  const bytesIn = (type: number) => {
    const size = type === F32 ? 4 : 2;
    const converted = (tensor: Tensor) => tensor.type === type ? 0 : tensor.elements * size;
    const isHalf = type === F16 && computeCapability !== VOLTA;
    const pointers = activations.n2 * activations.n3 * 8;
    return pieces(
      converted(weight),
      converted(activations),
      isHalf ? product * 2 : 0,
      2 * pointers,
      pointers,
    );
  };
  // Keys are multiplied in full precision where a model asks for it, which the graph doesn't say.
  const isAttention = weight.weightName === undefined && type === F16;
  return {
    bytes: Math.max(bytesIn(type), isAttention ? bytesIn(F32) : 0),
    usesCublas: true,
  };
}

/** `ggml_cuda_mul_mat` */
function matrixNeed(product: Tensor, card: CudaCard): PoolNeed {
  const [weight, activations] = product.sources;
  if (weight === undefined || activations === undefined) return NOTHING;
  const capability = card.computeCapability;
  const columns = activations.n1;
  if (activations.type === F32 && product.type === F32) {
    if (isRotation(weight)) return NOTHING;
    if (isVectorOfFloats(weight, columns, capability)) return NOTHING;
    const isVector = weight.type === F32 && weight.n1 === 1 && product.n2 * product.n3 === 1;
    if (isVector && isContiguousBeyond(activations, 0)) return NOTHING;
    if (isMatrixOfFloats(weight, columns, card, false)) return NOTHING;
    const matrices = activations.n2 * activations.n3;
    const rows = columns * matrices;
    if (isQuantized(weight.type) && columns <= VECTOR_COLUMNS) {
      return { bytes: pieces(rows * padTo(weight.n0, ROW_PADDING) * 36 / 32), usesCublas: false };
    }
    if (isMultipliedQuantized(weight, capability, false)) {
      const need = quantizedBytes(weight, { columns, rows, matrices }, card);
      return { bytes: pieces(...need), usesCublas: false };
    }
  }
  return cublasNeed(weight, activations, product.elements, card);
}

/** `ggml_cuda_mul_mat_id` */
function expertsNeed(product: Tensor, card: CudaCard): PoolNeed {
  const [weight, activations, chosen] = product.sources;
  if (weight === undefined || activations === undefined || chosen === undefined) return NOTHING;
  const tokens = activations.n2;
  const rows = tokens * chosen.n0;
  const order = [rows * 4, rows * 4, (weight.n2 + 1) * 4];
  if (isQuantized(weight.type) && product.n2 <= VECTOR_COLUMNS) {
    const bytes = rows * padTo(weight.n0, ROW_PADDING) * 36 / 32;
    return { bytes: pieces(bytes), usesCublas: false };
  }
  if (isMultipliedQuantized(weight, card.computeCapability, true)) {
    const need = quantizedBytes(weight, { columns: tokens, rows, matrices: weight.n2 }, card);
    return { bytes: pieces(...order, ...need), usesCublas: false };
  }
  if (isMatrixOfFloats(weight, tokens, card, true)) {
    return { bytes: pieces(...order), usesCublas: false };
  }
  // Expert by expert: at worst all tokens go to one.
  const isKept = weight.type === BF16 || (weight.type === F16 && card.computeCapability !== 61);
  const one = { ...weight, elements: weight.n0 * weight.n1, weightName: "" } as unknown as Tensor;
  const columns = {
    type: isKept ? weight.type : F32,
    elements: weight.n0 * tokens,
    n2: 1,
    n3: 1,
  } as unknown as Tensor;
  const sorted = [2 * rows * 4, rows * weight.n0 * (isKept ? 2 : 4), rows * product.n0 * 4];
  const { bytes } = cublasNeed(one, columns, product.n0 * tokens, card);
  return { bytes: pieces(...sorted) + bytes, usesCublas: true };
}

/**
 * Blocks of an attention kernel that a multiprocessor holds at once, one where values are longer than
 * 256; queries of one block, and the fewest cells that it takes at once.
 */
const ATTENTION = { blocks: 2, queries: 64, cells: 32 };

/** Parts of the result that several multiprocessors share (fattn-common.cuh, `launch_fattn`). */
function attentionNeed(result: Tensor, { multiprocessors }: CudaCard): PoolNeed {
  const [queries, keys, values] = result.sources;
  if (queries === undefined || keys === undefined || values === undefined) return NOTHING;
  const rows = padTo(queries.n1, ATTENTION.queries) * queries.n2 * queries.n3;
  const blocks = values.n0 > 256 ? 1 : ATTENTION.blocks;
  const shared = Math.min(
    blocks * multiprocessors * ATTENTION.queries,
    Math.ceil(keys.n1 / ATTENTION.cells) * rows,
  );
  return { bytes: pieces(shared * (2 * 8 + 4 * values.n0)), usesCublas: false };
}

/** Tokens from which a scan of Mamba-2 is done by matrices, in chunks of so many (ssm-scan.cu). */
const SCAN = { tokens: 128, chunk: 256 };

function scanNeed({ sources }: Tensor, { computeCapability }: CudaCard): PoolNeed {
  const [state, input, , decay, group] = sources;
  if (state === undefined || input === undefined || group === undefined) return NOTHING;
  const { n0: length, n1: headLength, n2: heads } = state;
  const { n2: tokens, n3: sequences } = input;
  if (decay?.n0 !== 1 || tokens <= SCAN.tokens || computeCapability < TURING) return NOTHING;
  const { chunk } = SCAN;
  const each = heads * sequences;
  const bytes = pieces(
    tokens * each * 4,
    tokens * each * 4,
    chunk * chunk * group.n1 * sequences * 4,
    chunk * headLength * each * 2,
    length * chunk * each * 2,
    length * chunk * each * 4,
    chunk * chunk * each * 2,
  );
  return { bytes, usesCublas: true };
}

/** The largest triangle that is solved without cuBLAS, and its right sides (solve_tri.cu). */
const TRIANGLE = { rows: 64, columns: 32 };

function triangleNeed({ sources: [triangle, right] }: Tensor): PoolNeed {
  if (triangle === undefined || right === undefined) return NOTHING;
  if (triangle.n0 <= TRIANGLE.rows && right.n0 <= TRIANGLE.columns) return NOTHING;
  const pointers = triangle.n2 * triangle.n3 * 8;
  return { bytes: pieces(pointers, pointers), usesCublas: true };
}

/** Sorted indices, keys and what the sort itself takes. */
function sortNeed({ sources: [values] }: Tensor): PoolNeed {
  if (values === undefined || values.n0 <= 1024) return NOTHING;
  const bytes = values.elements * 4;
  return { bytes: pieces(bytes, bytes, 2 * bytes), usesCublas: false };
}

/**
 * What ggml-cuda takes from a context's pool to compute one node, and whether by cuBLAS.
 *
 * Where a figure depends on how many blocks of a kernel a card holds at once, which only its driver
 * knows, it is the largest.
 */
export function cudaPoolNeed(node: Tensor, card: CudaCard): PoolNeed {
  switch (node.op) {
    case "MUL_MAT":
      return matrixNeed(node, card);
    case "MUL_MAT_ID":
      return expertsNeed(node, card);
    case "FLASH_ATTN_EXT":
      return attentionNeed(node, card);
    case "SSM_SCAN":
      return scanNeed(node, card);
    case "SOLVE_TRI":
      return triangleNeed(node);
    case "OUT_PROD":
      return { bytes: 0, usesCublas: true };
    case "ARGSORT":
    case "TOP_K":
      return sortNeed(node);
    default:
      return NOTHING;
  }
}
