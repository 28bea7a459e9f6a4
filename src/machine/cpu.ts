import { BrainjarError } from "../budget/error.ts";
import type { CpuFeatures } from "../llama_cpp/options.ts";
import { NAMED_CPUS } from "./cpu_table.ts";
import { type MachineFiles, machineFilesBelow } from "./machine_files.ts";
import type { MachineOptions } from "./read.ts";
import { loadModule } from "../load_module.ts";

/**
 * The engine computes with no fewer threads than this where its own count of cores is lower
 * (node-llama-cpp, `defaultCPUMinThreadSplitterThreads`).
 */
const MINIMUM_THREADS = 4;

/** More processors than any kernel is built for, so that a lying tree can't keep us reading. */
const MAXIMUM_PROCESSORS = 8192;

/** Where the kernel describes the processors. */
export const CPUINFO_PATH = "/proc/cpuinfo";

/**
 * Parses /proc/cpuinfo: `flags` of an x86, `Features` of an ARM. Another architecture, or a 32-bit
 * one, is `other` and has no features that matter here. `threads` is counted elsewhere.
 *
 * @example
 * ```ts
 * import { parseCpuFeatures } from "./cpu.ts";
 * const cpu = parseCpuFeatures("flags\t\t: fpu lm avx2 fma\n", 4);
 * if (cpu.architecture !== "x86_64" || !cpu.features.has("avx2")) throw new Error("expected AVX2");
 * ```
 */
export function parseCpuFeatures(text: string, threads: number): CpuFeatures {
  const match = /^(flags|Features)[ \t]*:(.*)$/m.exec(text);
  const features = new Set((match?.[2] ?? "").trim().toLowerCase().split(/\s+/).filter(Boolean));
  // `lm` is the 64-bit long mode; `asimd` is what 64-bit ARM calls its vectors.
  const architecture = match?.[1] === "flags" && features.has("lm")
    ? "x86_64"
    : match?.[1] === "Features" && features.has("asimd")
    ? "aarch64"
    : "other";
  return { architecture, features: architecture === "other" ? new Set() : features, threads };
}

/**
 * What this machine's CPU has: from /proc on Linux (or a recorded tree), through systeminformation
 * elsewhere.
 *
 * Throws `cpu-unreadable` where it can't be read: a layout that was guessed would make a footprint
 * that was guessed.
 */
export async function readCpuFeatures(options: MachineOptions = {}): Promise<CpuFeatures> {
  const { root = "/" } = options;
  if (root !== "/" || Deno.build.os === "linux" || Deno.build.os === "android") {
    return readLinuxCpu(machineFilesBelow(root));
  }
  const { readOtherCpu } = await loadModule<typeof import("./other.ts")>(import.meta, "./other.ts");
  return await readOtherCpu();
}

/**
 * The features of a CPU by name, to estimate for a machine that isn't this one. `threads` stays this
 * machine's unless given.
 *
 * Throws `cpu-unknown` and lists the names there are.
 *
 * @example
 * ```ts
 * import { namedCpu } from "./cpu.ts";
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

/** The threads that the engine computes with on so many cores. */
export function engineThreads(cores: number): number {
  return Math.max(MINIMUM_THREADS, cores);
}

function readLinuxCpu(files: MachineFiles): CpuFeatures {
  const reading = files.read(CPUINFO_PATH);
  if (reading.kind !== "text") {
    throw new BrainjarError(
      "cpu-unreadable",
      `The CPU can't be read from '${files.locate(CPUINFO_PATH)}': ${
        reading.kind === "absent" ? "it does not exist" : reading.reason
      }`,
      { hint: "Name the CPU with --cpu" },
    );
  }
  return parseCpuFeatures(reading.text, engineThreads(countCores(files, reading.text)));
}

/**
 * The cores that the engine counts: one for each set of hardware threads, and on an Intel CPU with
 * two kinds of core only the fast ones (llama.cpp's `common_cpu_get_num_math`).
 */
function countCores(files: MachineFiles, cpuinfo: string): number {
  const processors = cpuinfo.match(/^processor\s*:/gm)?.length ?? 1;
  const fast = files.read("/sys/devices/cpu_core/cpus");
  const wanted = fast.kind === "text" ? parseProcessorList(fast.text) : undefined;
  const cores = new Set<string>();
  for (let processor = 0; processor < MAXIMUM_PROCESSORS; processor += 1) {
    const path = `/sys/devices/system/cpu/cpu${processor}/topology/thread_siblings`;
    const siblings = files.read(path);
    if (siblings.kind !== "text") break;
    if (wanted === undefined || wanted.has(processor)) cores.add(siblings.text.trim());
  }
  if (cores.size > 0) return cores.size;
  return processors <= 4 ? processors : Math.floor(processors / 2);
}

/** The kernel's list format: `0-3,8`. */
function parseProcessorList(text: string): ReadonlySet<number> | undefined {
  const processors = new Set<number>();
  for (const range of text.trim().split(",")) {
    const match = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(range);
    if (match === null) return undefined;
    const first = Number(match[1]);
    for (let one = first; one <= Number(match[2] ?? first); one += 1) processors.add(one);
  }
  return processors;
}
