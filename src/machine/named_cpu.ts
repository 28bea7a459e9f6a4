import { BrainjarError } from "../budget/error.ts";
import type { CpuFeatures } from "../llama_cpp/options.ts";

/** What a named CPU has, in the names of /proc/cpuinfo. */
interface NamedCpu {
  readonly architecture: CpuFeatures["architecture"];
  readonly features: readonly string[];
}

// Levels of the x86-64 psABI (gitlab.com/x86-psABIs/x86-64-ABI, "Micro-Architecture Levels").
const X86_64 = ["sse2"];
const X86_64_V2 = [...X86_64, "pni", "ssse3", "sse4_1", "sse4_2", "popcnt", "cx16"];
const X86_64_V3 = [...X86_64_V2, "avx", "avx2", "bmi1", "bmi2", "f16c", "fma", "movbe"];
const X86_64_V4 = [...X86_64_V3, "avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"];
// Intel's instruction-set reference (325383) and GCC's x86 options for `-march`.
const ICE_LAKE = [...X86_64_V4, "avx512vbmi", "avx512_vnni"];
const SAPPHIRE_RAPIDS = [
  ...ICE_LAKE,
  "avx_vnni",
  "avx512_bf16",
  "avx512_fp16",
  "amx_tile",
  "amx_int8",
  "amx_bf16",
];
// Arm's technical reference manuals of each core; Apple's from `sysctl hw.optional.arm` as LLVM's
// AArch64Processors.td lists them.
const ARMV8 = ["fp", "asimd"];
const ARMV8_2 = [...ARMV8, "fphp", "asimdhp", "asimddp"];
const NEOVERSE_V1 = [...ARMV8_2, "i8mm", "bf16", "sve"];
const NEOVERSE_V2 = [...NEOVERSE_V1, "sve2"];

const x86 = (features: readonly string[]): NamedCpu => ({ architecture: "x86_64", features });
const arm = (features: readonly string[]): NamedCpu => ({ architecture: "aarch64", features });

/**
 * The CPUs that `--cpu NAME` knows, by the names that compilers use for them. Listed are the features
 * that decide how an engine lays weights out, not all that a CPU has.
 */
export const NAMED_CPUS: Readonly<Record<string, NamedCpu>> = {
  "x86-64": x86(X86_64),
  "x86-64-v2": x86(X86_64_V2),
  "x86-64-v3": x86(X86_64_V3),
  "x86-64-v4": x86(X86_64_V4),
  "sandybridge": x86([...X86_64_V2, "avx"]),
  "haswell": x86(X86_64_V3),
  "skylake-avx512": x86(X86_64_V4),
  "cascadelake": x86([...X86_64_V4, "avx512_vnni"]),
  "icelake-server": x86(ICE_LAKE),
  "sapphire-rapids": x86(SAPPHIRE_RAPIDS),
  "alderlake": x86([...X86_64_V3, "avx_vnni"]),
  "znver3": x86(X86_64_V3),
  "znver4": x86([...ICE_LAKE, "avx512_bf16"]),
  "znver5": x86([...ICE_LAKE, "avx512_bf16", "avx_vnni"]),
  "cortex-a72": arm(ARMV8),
  "cortex-a76": arm(ARMV8_2),
  "neoverse-n1": arm(ARMV8_2),
  "neoverse-n2": arm(NEOVERSE_V2),
  "neoverse-v1": arm(NEOVERSE_V1),
  "neoverse-v2": arm(NEOVERSE_V2),
  "apple-m1": arm(ARMV8_2),
  "apple-m2": arm([...ARMV8_2, "i8mm", "bf16"]),
  "apple-m3": arm([...ARMV8_2, "i8mm", "bf16"]),
  "apple-m4": arm([...ARMV8_2, "i8mm", "bf16", "sme"]),
};

/**
 * The features of a CPU by name, to estimate for a machine that isn't this one. `threads` stays this
 * machine's unless given.
 *
 * Throws `cpu-unknown` and lists the names there are.
 *
 * @example
 * ```ts
 * import { namedCpu } from "./named_cpu.ts";
 * if (!namedCpu("sapphire-rapids", 8).features.has("amx_int8")) throw new Error("expected AMX");
 * ```
 */
export function namedCpu(name: string, threads: number): CpuFeatures {
  const key = name.toLowerCase();
  const cpu = Object.hasOwn(NAMED_CPUS, key) ? NAMED_CPUS[key] : undefined;
  if (cpu === undefined) {
    throw new BrainjarError("cpu-unknown", `Unknown CPU: '${name}'`, {
      hint: `Known are ${Object.keys(NAMED_CPUS).join(", ")}`,
    });
  }
  return { architecture: cpu.architecture, features: new Set(cpu.features), threads };
}
