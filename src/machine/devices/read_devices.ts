import type { GpuBackend } from "../../llama_cpp/options.ts";
import { hasMachineFiles, type MachineFiles, machineFilesBelow } from "../machine_files.ts";
import type { MachineWarning } from "../warning.ts";
import { cudaDevices } from "./cuda.ts";
import { type DrmDevices, readDrm } from "./drm.ts";
import type { HoldersAsked } from "./holders.ts";
import { readMetal } from "./metal.ts";
import { type NvidiaCards, readNvidia } from "./nvidia.ts";
import { NvmlFailure, NvmlMissing } from "./nvml.ts";
import { MACHINE_NVML, type NvmlSource } from "./nvml_source.ts";
import { deviceSigns, windowsSigns } from "./presence.ts";
import { type DevicesRead, leftOutAs, NO_DEVICES, ORDER_UNKNOWN } from "./reading.ts";
import { vulkanDevices } from "./vulkan.ts";
import { NoAnswer, within } from "./within.ts";

/** A driver that takes longer is hung: the slowest that works, one that wakes several cards, is faster. */
const PATIENCE_MILLISECONDS = 2000;

/** Which devices are looked for, and where. */
export interface DeviceOptions {
  /** Where the machine's files are: `/`, or a recorded tree. */
  readonly root?: string;
  /**
   * What the engine drives devices with; it decides which there are, and their order. `any`, the
   * default, is each device once: NVIDIA's by CUDA, Apple's by Metal, all others by Vulkan.
   */
  readonly backend?: GpuBackend | "any";
  /** The variables that hide and order devices; this process's own by default. */
  readonly environment?: (name: string) => string | undefined;
  /** Whether to ask who holds how much, which takes longer; of all processes, or of these. */
  readonly holders?: HoldersAsked;
  /** The lowest compute capability that the engine's CUDA build computes with, as 75 for 7.5. */
  readonly leastComputeCapability?: number;
  /** Who is asked about NVIDIA's cards; the library for this machine, nobody for a recorded one. */
  readonly nvml?: NvmlSource;
}

/**
 * The devices beside the processor that llama.cpp computes on, with their memory as their drivers
 * tell it, in whole bytes. What others have reserved (the ledger) is not taken off yet.
 *
 * A driver that is missing, doesn't answer within 2 s or answers what can't be is a warning, and its
 * devices are in no figure. Nothing is thrown for anything that a driver does.
 *
 * @example
 * ```ts
 * import { readDevices } from "./read_devices.ts";
 * const { devices } = await readDevices({ backend: "cuda" });
 * for (const { id, availableBytes, totalBytes } of devices) {
 *   if (availableBytes > totalBytes) throw new Error(`${id} has more than there is`);
 * }
 * ```
 */
export async function readDevices(options: DeviceOptions = {}): Promise<DevicesRead> {
  const { root = "/", backend = "any", environment = variable, holders = false } = options;
  const isRecorded = root !== "/";
  const isMac = !isRecorded && Deno.build.os === "darwin";
  if (isMac) return backend === "metal" || backend === "any" ? await readMetal() : NO_DEVICES;
  if (backend === "metal") return NO_DEVICES;
  const files = machineFilesBelow(root);
  const signs = hasMachineFiles(root) ? deviceSigns(files) : windowsSigns();
  const source = options.nvml ?? (isRecorded ? undefined : MACHINE_NVML);
  const nvidia = source === undefined || !signs.nvidia
    ? { cards: [], warnings: [] }
    : await askNvidia(source, files, holders);
  if (backend === "cuda") {
    return cudaDevices(nvidia, environment, options.leastComputeCapability);
  }
  const drm = readDrm(files, signs.renderNodes, placesOf(nvidia), holders);
  const vulkan = readVulkan(nvidia, drm, environment);
  if (backend === "vulkan") return vulkan;
  return withOthers(cudaDevices(nvidia, environment), vulkan, nvidia);
}

/** NVIDIA's devices by CUDA, and those that Vulkan has beside them. */
function withOthers(cuda: DevicesRead, vulkan: DevicesRead, nvidia: NvidiaCards): DevicesRead {
  const cards = nvidia.cards.flatMap(({ reading }) => reading ?? []);
  const names = new Set(cards.map((card) => leftOutAs(card, "").name));
  const isOther = (name: string) => !names.has(name);
  const others = vulkan.devices.filter((device) => isOther(leftOutAs(device, "").name));
  return {
    ...cuda,
    devices: [...cuda.devices, ...others],
    leftOut: [...cuda.leftOut, ...vulkan.leftOut.filter(({ name }) => isOther(name))],
    warnings: [
      ...cuda.warnings,
      ...vulkan.warnings.filter((one) =>
        !nvidia.warnings.includes(one) && (one.code !== ORDER_UNKNOWN || others.length > 1)
      ),
    ],
  };
}

/** Where NVIDIA's cards are, which have render nodes too. */
function placesOf({ cards }: NvidiaCards): ReadonlySet<string> {
  return new Set(cards.flatMap(({ reading }) => reading?.pciBusId ?? []));
}

function readVulkan(
  nvidia: NvidiaCards,
  drm: DrmDevices,
  environment: (name: string) => string | undefined,
): DevicesRead {
  // A card that is split into MIG devices draws nothing.
  const cards = nvidia.cards.flatMap(({ reading }) => reading ?? []);
  const vulkan = vulkanDevices([...cards, ...drm.readings], environment);
  return { ...vulkan, warnings: [...nvidia.warnings, ...drm.warnings, ...vulkan.warnings] };
}

async function askNvidia(
  source: NvmlSource,
  files: MachineFiles,
  holders: HoldersAsked,
): Promise<NvidiaCards> {
  try {
    const asking = source.open().then((nvml) => readNvidia(nvml, files, holders));
    return await within(PATIENCE_MILLISECONDS, asking);
  } catch (error) {
    if (error instanceof NoAnswer) source.giveUp(error);
    const warning = warningOf(error);
    if (warning === undefined) throw error;
    return { cards: [], warnings: [warning] };
  }
}

/** Nothing for an error that is no driver's. */
function warningOf(error: unknown): MachineWarning | undefined {
  if (error instanceof NvmlMissing) {
    return {
      code: "device-driver-missing",
      message:
        `NVIDIA's library can't be opened, and its cards aren't counted on: ${error.message}`,
    };
  }
  if (error instanceof NvmlFailure) {
    return {
      code: "device-driver-failed",
      message: `NVIDIA's driver fails, and its cards aren't counted on: ${error.message}`,
    };
  }
  if (error instanceof NoAnswer) {
    return {
      code: "device-driver-hung",
      message: `NVIDIA's driver hangs, and its cards aren't counted on: ${error.message}`,
    };
  }
  return undefined;
}

const variables = new Map<string, string | undefined>();

/** As it was when it was first asked for: for its engine this process sets some of them itself. */
function variable(name: string): string | undefined {
  if (!variables.has(name)) variables.set(name, Deno.env.get(name));
  return variables.get(name);
}
