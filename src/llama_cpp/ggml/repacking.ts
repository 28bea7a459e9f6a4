import type { TensorInfo } from "../../gguf/header.ts";
import { GGML_TYPES } from "./types.ts";
import type { CpuFeatures } from "../options.ts";

/** What a CPU must have, and by what the rows must divide. */
interface RepackRule {
  readonly features: readonly string[];
  readonly rows: number;
}

const AVX2: RepackRule = { features: ["avx2"], rows: 8 };
const AVX512: RepackRule = {
  features: ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"],
  rows: 8,
};
const NEON_INT8: RepackRule = { features: ["i8mm"], rows: 4 };
const NEON_INT8_8: RepackRule = { features: ["i8mm"], rows: 8 };
const NEON_DOT: RepackRule = { features: ["asimddp"], rows: 4 };
const NEON_DOT_8: RepackRule = { features: ["asimddp"], rows: 8 };

/** ggml-cpu/repack.cpp, `ggml_repack_get_optimal_repack_type`, by name of type. */
const RULES: ReadonlyMap<string, readonly RepackRule[]> = new Map([
  ["Q4_0", [AVX2, NEON_INT8, NEON_DOT]],
  ["Q4_K", [AVX2, NEON_INT8_8, NEON_DOT_8]],
  ["Q2_K", [AVX512]],
  ["Q5_K", [NEON_INT8_8, NEON_DOT_8]],
  ["Q6_K", [NEON_INT8_8, NEON_DOT_8]],
  ["IQ4_NL", [AVX2, NEON_DOT]],
  ["MXFP4", [AVX2, NEON_DOT]],
  ["Q8_0", [NEON_INT8, NEON_DOT]],
]);

/**
 * Bytes of one row's block of so many elements in AMX's own layout (ggml-cpu/amx/mmq.cpp,
 * `get_row_size`), by name of type: some get room for sums, scales or minima beside.
 */
const AMX_BLOCKS: ReadonlyMap<string, { readonly elements: number; readonly bytes: number }> =
  new Map([
    ["Q4_0", { elements: 32, bytes: 18 }],
    ["Q4_1", { elements: 32, bytes: 20 }],
    ["Q8_0", { elements: 32, bytes: 34 + 4 }],
    ["Q4_K", { elements: 256, bytes: 144 + 4 }],
    ["Q5_K", { elements: 256, bytes: 176 + 4 }],
    ["Q6_K", { elements: 256, bytes: 210 }],
    ["IQ4_XS", { elements: 256, bytes: 136 + 2 }],
    // Not packed, but held in the same buffer.
    ["F16", { elements: 16, bytes: 32 }],
  ]);

/** What the engine's library for Sapphire Rapids is chosen by (ggml's CMakeLists.txt). */
const AMX_FEATURES = ["amx_int8", "amx_tile", "avx512_bf16", "avx512_vnni"];

/** Rows of a weight in AMX's layout come in twos of its tiles. */
const AMX_ROWS = 32;

/**
 * Bytes of a weight in AMX's layout, or nothing where it isn't laid out so: two dimensions only,
 * since experts are multiplied by an operation that AMX doesn't have (ggml-cpu/amx/amx.cpp).
 */
export function amxBytes(tensor: TensorInfo, cpu: CpuFeatures): number | undefined {
  if (!AMX_FEATURES.every((feature) => cpu.features.has(feature))) return undefined;
  const [columns = 1, rows = 1, ...more] = tensor.dimensions;
  const block = AMX_BLOCKS.get(GGML_TYPES.get(tensor.type)?.name ?? "");
  if (block === undefined || more.some((dimension) => dimension !== 1)) return undefined;
  if (rows % AMX_ROWS !== 0 || columns % block.elements !== 0) return undefined;
  return rows * (columns / block.elements) * block.bytes;
}

/**
 * Whether a weight that is only multiplied (two dimensions, or three for experts) is copied into
 * another layout on this CPU: llama.cpp's buffers AMX and CPU_REPACK.
 */
export function isRepackable(tensor: TensorInfo, cpu: CpuFeatures): boolean {
  const rows = tensor.dimensions[1];
  if (rows === undefined) return false;
  if (amxBytes(tensor, cpu) !== undefined) return true;
  const rules = RULES.get(GGML_TYPES.get(tensor.type)?.name ?? "") ?? [];
  return rules.some((rule) =>
    rows % rule.rows === 0 && rule.features.every((feature) => cpu.features.has(feature))
  );
}
