import type { TensorInfo } from "../gguf/header.ts";
import { GGML_TYPES } from "./ggml_type.ts";
import type { CpuFeatures } from "./options.ts";

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
 * Whether a weight that is only multiplied (two dimensions, or three for experts) is copied into
 * another layout on this CPU: llama.cpp's buffer CPU_REPACK.
 */
export function isRepackable(tensor: TensorInfo, cpu: CpuFeatures): boolean {
  const rows = tensor.dimensions[1];
  if (rows === undefined) return false;
  const rules = RULES.get(GGML_TYPES.get(tensor.type)?.name ?? "") ?? [];
  return rules.some((rule) =>
    rows % rule.rows === 0 && rule.features.every((feature) => cpu.features.has(feature))
  );
}
