import type { CpuFeatures } from "../llama_cpp/options.ts";

/** Numbers of features by the names of /proc/cpuinfo: those that layouts and `--cpu` tell apart. */
const FEATURES: Readonly<Record<"x86_64" | "aarch64", Readonly<Record<string, number[]>>>> = {
  // Linux, arch/x86/include/asm/cpufeatures.h: word × 32 + bit.
  x86_64: {
    lm: [1 * 32 + 29],
    avx: [4 * 32 + 28],
    avx2: [9 * 32 + 5],
    avx512f: [9 * 32 + 16],
    avx512dq: [9 * 32 + 17],
    avx512cd: [9 * 32 + 28],
    avx512bw: [9 * 32 + 30],
    avx512vl: [9 * 32 + 31],
    avx_vnni: [12 * 32 + 4],
    avx512_bf16: [12 * 32 + 5],
    avx512vbmi: [16 * 32 + 1],
    avx512_vnni: [16 * 32 + 11],
    amx_bf16: [18 * 32 + 22],
    amx_tile: [18 * 32 + 24],
    amx_int8: [18 * 32 + 25],
  },
  // Linux, arch/arm64/include/uapi/asm/hwcap.h; the second word's begin at 32, or at 64 in later ones.
  aarch64: {
    fp: [0],
    asimd: [1],
    asimddp: [20],
    sve: [22],
    i8mm: [32 + 13, 64 + 13],
    bf16: [32 + 14, 64 + 14],
  },
};

/**
 * Parses what the kernel names this machine's CPU by for its module loader
 * (`cpu:type:x86,…:feature:,0000,0001,…`), where /proc/cpuinfo is hidden: the same features by
 * number. Nothing where it isn't one of these processors.
 */
export function parseCpuModalias(text: string): Omit<CpuFeatures, "threads"> | undefined {
  const [, type = "", list = ""] = /^cpu:type:(\w+)[^\n]*?:feature:([0-9A-Fa-f,]*)/.exec(text) ??
    [];
  const architecture = type === "x86" ? "x86_64" : type === "aarch64" ? type : undefined;
  if (architecture === undefined) return undefined;
  const numbers = new Set(list.split(",").filter(Boolean).map((digits) => parseInt(digits, 16)));
  const features = Object.entries(FEATURES[architecture])
    .filter(([, known]) => known.some((number) => numbers.has(number)))
    .map(([name]) => name);
  const is64Bit = features.includes(architecture === "x86_64" ? "lm" : "asimd");
  return is64Bit ? { architecture, features: new Set(features) } : undefined;
}
