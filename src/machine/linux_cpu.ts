import type { CpuFeatures } from "../llama_cpp/options.ts";
import { loadModule } from "../load_module.ts";
import { engineThreads } from "./engine_threads.ts";
import { type MachineFiles, parseKernelList, textOf } from "./machine_files.ts";
import { cpuUnreadable } from "./warning.ts";

/** More processors than any kernel is built for, so that a lying tree can't keep us reading. */
const MAXIMUM_PROCESSORS = 8192;

/** Where the kernel describes the processors. */
const CPUINFO_PATH = "/proc/cpuinfo";

/** Where it names them for its module loader. */
const MODALIAS_PATH = "/sys/devices/system/cpu/modalias";

/** Lines by which processors without any of these features are known. */
const OTHERS = /^(isa|cpu|features|ASEs implemented)[ \t]*:/m;

/**
 * Parses /proc/cpuinfo: `flags` of an x86, `Features` of an ARM. Another architecture, or a 32-bit
 * one, is `other` and has no features that matter here. Nothing where no processor is described: a
 * file that is empty or cut is no processor without features. `threads` is counted elsewhere.
 */
export function parseCpuFeatures(text: string, threads: number): CpuFeatures | undefined {
  const match = /^(flags|Features)[ \t]*:(.*)$/m.exec(text);
  const features = new Set((match?.[2] ?? "").trim().toLowerCase().split(/\s+/).filter(Boolean));
  if (features.size === 0 && !OTHERS.test(text)) return undefined;
  // `lm` is the 64-bit long mode; `asimd` is what 64-bit ARM calls its vectors.
  const architecture = match?.[1] === "flags" && features.has("lm")
    ? "x86_64"
    : match?.[1] === "Features" && features.has("asimd")
    ? "aarch64"
    : "other";
  return { architecture, features: architecture === "other" ? new Set() : features, threads };
}

/**
 * What the CPU of a machine with /proc has. Where /proc/cpuinfo is hidden (a unit's
 * ProcSubset=pid, some containers) or describes none, the kernel's other name of it is read.
 *
 * Throws `cpu-unreadable` where neither tells.
 */
export async function readLinuxCpu(files: MachineFiles): Promise<CpuFeatures> {
  const reading = files.read(CPUINFO_PATH);
  const text = reading.kind === "text" ? reading.text : "";
  const threads = engineThreads(countCores(files, text));
  const cpu = parseCpuFeatures(text, threads);
  if (cpu !== undefined) return cpu;
  const { parseCpuModalias } = await loadModule<typeof import("./cpu_modalias.ts")>(
    import.meta,
    "./cpu_modalias.ts",
  );
  const named = parseCpuModalias(textOf(files, MODALIAS_PATH) ?? "");
  if (named !== undefined) return { ...named, threads };
  const reasons = {
    text: "it describes none",
    absent: "it does not exist",
    unreadable: reading.kind === "unreadable" ? reading.reason : "",
  };
  throw cpuUnreadable(
    `The CPU can't be read from '${files.locate(CPUINFO_PATH)}': ${reasons[reading.kind]}`,
  );
}

/**
 * The cores that the engine counts: one for each set of hardware threads, and on an Intel CPU with
 * two kinds of core only the fast ones (llama.cpp's `common_cpu_get_num_math`).
 */
function countCores(files: MachineFiles, cpuinfo: string): number {
  const processors = cpuinfo.match(/^processor\s*:/gm)?.length ?? 1;
  const fast = textOf(files, "/sys/devices/cpu_core/cpus");
  const wanted = fast === undefined ? undefined : parseKernelList(fast);
  const cores = new Set<string>();
  for (let processor = 0; processor < MAXIMUM_PROCESSORS; processor += 1) {
    const topology = `/sys/devices/system/cpu/cpu${processor}/topology`;
    const siblings = textOf(files, `${topology}/thread_siblings`);
    if (siblings === undefined) break;
    if (wanted === undefined || wanted.has(processor)) cores.add(siblings.trim());
  }
  if (cores.size > 0) return cores.size;
  return processors <= 4 ? processors : Math.floor(processors / 2);
}
