import { BrainjarError } from "../budget/error.ts";
import type { CpuFeatures } from "../llama_cpp/options.ts";
import { engineThreads } from "./engine_threads.ts";
import { type MachineFiles, textOf } from "./machine_files.ts";

/** More processors than any kernel is built for, so that a lying tree can't keep us reading. */
const MAXIMUM_PROCESSORS = 8192;

/** Where the kernel describes the processors. */
const CPUINFO_PATH = "/proc/cpuinfo";

/**
 * Parses /proc/cpuinfo: `flags` of an x86, `Features` of an ARM. Another architecture, or a 32-bit
 * one, is `other` and has no features that matter here. `threads` is counted elsewhere.
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

/** What the CPU of a machine with /proc has. Throws `cpu-unreadable`. */
export function readLinuxCpu(files: MachineFiles): CpuFeatures {
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
  const wanted = parseProcessorList(textOf(files, "/sys/devices/cpu_core/cpus") ?? "");
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
