import type { Systeminformation } from "systeminformation";
import { messageOf } from "../budget/error.ts";
import type { MachineMemory } from "../budget/memory.ts";
import type { CpuFeatures } from "../llama_cpp/options.ts";
import { engineThreads } from "./engine_threads.ts";
import { namedCpu } from "./named_cpu.ts";
import { cpuUnreadable, memoryUnreadable } from "./warning.ts";

/** What brainjar asks of systeminformation, in bytes where it is memory. */
type ReportedMemory = Pick<
  Systeminformation.MemData,
  "total" | "available" | "swaptotal" | "swapfree"
>;

/**
 * Memory on macOS and Windows, whole bytes, through systeminformation: the only place that names it.
 *
 * It knows no limits of the process and answers zeros where a reading failed, so a zero total is the
 * error `machine-unreadable`.
 */
export async function readReportedMemory(
  report: () => Promise<ReportedMemory> = async () => (await import("systeminformation")).mem(),
): Promise<MachineMemory> {
  let memory: ReportedMemory;
  try {
    memory = await report();
  } catch (cause) {
    throw unreadable(messageOf(cause), cause);
  }
  const { total, available, swaptotal, swapfree } = memory;
  if (!isSize(total) || total === 0) throw unreadable(`it reports a total of ${total}`);
  if (!isSize(available)) throw unreadable(`it reports ${available} as available`);
  return {
    totalBytes: total,
    availableBytes: Math.min(available, total),
    reservedBytes: 0,
    sources: [
      { figure: "total", name: "Total memory of the system", bytes: total, decides: true },
      { figure: "available", name: "Available memory", bytes: available, decides: true },
    ],
    ...(isSize(swaptotal) && isSize(swapfree)
      ? { swap: { totalBytes: swaptotal, freeBytes: swapfree } }
      : {}),
    warnings: [],
  };
}

/** The flags are names separated by blanks, and empty where the system doesn't tell. */
type ReportedCpu = Pick<
  Systeminformation.CpuData,
  "brand" | "physicalCores" | "performanceCores" | "flags"
>;

/**
 * The CPU on macOS and Windows. Where the system tells no features, Apple's are known by brand, and
 * any other is taken for one with AVX2 or with 8-bit products, as sold since about 2015: repacked
 * weights are then counted, which asks for too much memory rather than too little.
 *
 * Throws `cpu-unreadable` where systeminformation fails or counts no cores.
 */
export async function readReportedCpu(
  report: () => Promise<ReportedCpu> = async () => (await import("systeminformation")).cpu(),
  architecture: string = Deno.build.arch,
): Promise<CpuFeatures> {
  let cpu: ReportedCpu;
  try {
    cpu = await report();
  } catch (cause) {
    throw cpuFailure(messageOf(cause), cause);
  }
  const cores = cpu.performanceCores || cpu.physicalCores;
  if (!isSize(cores) || cores === 0) throw cpuFailure(`it counts ${cores} cores`);
  const threads = engineThreads(cores);
  if (architecture === "aarch64") {
    const generation = /\bM([1-4])\b/.exec(cpu.brand)?.[1];
    // What a later Apple CPU has is no less than what the latest known one has.
    const later = /\bM\d+\b/.test(cpu.brand) ? "apple-m4" : "apple-m2";
    return namedCpu(generation === undefined ? later : `apple-m${generation}`, threads);
  }
  const flags = cpu.flags.toLowerCase().split(/\s+/).filter(Boolean);
  // macOS tells AVX but lists AVX2 where systeminformation doesn't look.
  return flags.includes("avx2")
    ? { architecture: "x86_64", features: new Set(flags), threads }
    : namedCpu("x86-64-v3", threads);
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function unreadable(reason: string, cause?: unknown) {
  return memoryUnreadable(
    "machine-unreadable",
    "The machine's memory can't be read through systeminformation",
    reason,
    cause,
  );
}

function cpuFailure(reason: string, cause?: unknown) {
  return cpuUnreadable(`The CPU can't be read through systeminformation: ${reason}`, cause);
}
