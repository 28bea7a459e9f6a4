import { defined } from "../../budget/defined.ts";
import { messageOf } from "../../budget/error.ts";
import type { MemorySource } from "../../budget/memory.ts";
import type { MachineWarning } from "../warning.ts";
import { type HoldersAsked, holdersOf } from "./holders.ts";
import { ifTold, isNotSupported, type Nvml, type NvmlDevice, NvmlFailure } from "./nvml.ts";
import type { MachineFiles } from "../machine_files.ts";
import { type DeviceReading, nonsenseIn } from "./reading.ts";
import { readRam } from "./ram.ts";

/** A MIG device: a part of a card with memory of its own. */
export interface NvidiaPart {
  readonly uuid?: string;
  readonly name: string;
  /** Compute instances of one GPU instance share its memory, and CUDA shows one of them. */
  readonly instance: { readonly gpu: number; readonly compute: number };
  /** Absent where its memory couldn't be read, which is warned about. */
  readonly reading?: DeviceReading;
}

/** A card as NVML shows it. */
export interface NvidiaCard {
  readonly uuid?: string;
  readonly name: string;
  /** CUDA cores; what tells the faster of two cards. */
  readonly cores: number;
  /** Absent where its memory couldn't be read, which is warned about, and where it is split. */
  readonly reading?: DeviceReading;
  /** Its MIG devices; absent where it isn't split. */
  readonly parts?: readonly NvidiaPart[];
}

/** All cards, ordered by their places on the bus. */
export interface NvidiaCards {
  readonly cards: readonly NvidiaCard[];
  readonly driverVersion?: string;
  readonly warnings: readonly MachineWarning[];
}

/** More cards than a machine holds: whoever counts so many doesn't know. */
const MOST_CARDS = 64;

/** CUDA cores of one multiprocessor, by compute capability (NVIDIA's programming guide). */
const CORES: Readonly<Record<string, number>> = {
  "50": 128,
  "52": 128,
  "53": 128,
  "60": 64,
  "61": 128,
  "62": 128,
  "70": 64,
  "72": 64,
  "75": 64,
  "80": 64,
  "86": 128,
  "87": 128,
  "89": 128,
  "90": 128,
  "100": 128,
  "103": 128,
  "110": 128,
  "120": 128,
  "121": 128,
};

/** What a card is read with. */
interface Reader {
  readonly files: MachineFiles;
  readonly holders: HoldersAsked;
  readonly driver: Pick<DeviceReading, "driverVersion" | "cudaDriverVersion">;
  readonly warnings: MachineWarning[];
}

/**
 * The cards and MIG devices that NVML shows this process, with their memory. What of them can't be
 * read, or makes no sense, is warned about and has no reading.
 *
 * Throws `NvmlFailure` where NVML answers nothing at all.
 *
 * @param holders whether to ask who holds how much, which takes three calls more for each
 */
export async function readNvidia(
  nvml: Nvml,
  files: MachineFiles,
  holders: HoldersAsked,
): Promise<NvidiaCards> {
  const count = await nvml.deviceCount();
  const driver = defined({
    driverVersion: await ifTold(nvml.driverVersion()),
    cudaDriverVersion: await ifTold(nvml.cudaDriverVersion()),
  });
  const { driverVersion } = driver;
  const warnings: MachineWarning[] = [];
  if (!Number.isSafeInteger(count) || count < 0 || count > MOST_CARDS) {
    const message = `NVIDIA's driver counts ${count} cards; none of them is counted on`;
    return { cards: [], ...defined({ driverVersion }), warnings: [unreadable(message)] };
  }
  const reader: Reader = { files, holders, driver, warnings };
  const cards = await Promise.all(
    Array.from({ length: count }, (_, index) => readCard(nvml, index, reader)),
  );
  return {
    cards: cards.filter((card) => card !== undefined),
    ...defined({ driverVersion }),
    warnings,
  };
}

/** Nothing where the driver shows no such card to this process, which CUDA doesn't show it either. */
async function readCard(
  nvml: Nvml,
  index: number,
  reader: Reader,
): Promise<NvidiaCard | undefined> {
  let device: NvmlDevice;
  try {
    device = await nvml.device(index);
  } catch (error) {
    if (!(error instanceof NvmlFailure)) throw error;
    reader.warnings.push(unreadable(`NVIDIA card ${index} can't be used: ${error.message}`));
    return undefined;
  }
  const name = await nameOf(device);
  const uuid = await ifTold(device.uuid());
  const pciBusId = await ifTold(device.busId());
  const capability = await ifTold(device.computeCapability());
  const computeCapability = capability && 10 * capability.major + capability.minor;
  const cores = await ifTold(device.cores()) ?? 0;
  const known = { uuid, pciBusId, computeCapability };
  if (await ifTold(device.isSplit())) {
    const parts = await readParts(device, known, reader);
    return { ...defined({ uuid }), name, cores, parts };
  }
  const multiprocessors = multiprocessorsOf(cores, computeCapability);
  const reading = await readMemory(device, name, { ...known, multiprocessors }, reader);
  return { ...defined({ uuid, reading }), name, cores };
}

/** What is known of a device beside its memory. */
interface Known {
  readonly uuid?: string | undefined;
  readonly pciBusId?: string | undefined;
  readonly computeCapability?: number | undefined;
  readonly multiprocessors?: number | undefined;
}

async function readParts(card: NvmlDevice, known: Known, reader: Reader): Promise<NvidiaPart[]> {
  const most = Math.min(MOST_CARDS, await ifTold(card.mostMigDevices()) ?? 0);
  const parts: NvidiaPart[] = [];
  for (let place = 0; place < most; place++) {
    // A place without a MIG device answers that it isn't found.
    const device = await ifTold(card.migDevice(place));
    if (device === undefined) continue;
    const name = await nameOf(device);
    const uuid = await ifTold(device.uuid());
    const instance = await ifTold(device.instance()) ?? { gpu: place, compute: 0 };
    const multiprocessors = await ifTold(device.multiprocessors());
    const reading = await readMemory(device, name, { ...known, uuid, multiprocessors }, reader);
    parts.push({ ...defined({ uuid, reading }), name, instance });
  }
  return parts;
}

async function nameOf(device: NvmlDevice): Promise<string> {
  return await ifTold(device.name()) || "NVIDIA GPU";
}

async function readMemory(
  device: NvmlDevice,
  name: string,
  known: Known,
  reader: Reader,
): Promise<DeviceReading | undefined> {
  const { files, holders, driver, warnings } = reader;
  try {
    const figures = await figuresOf(device, known.pciBusId, files);
    const processes = holders === false ? undefined : await ifTold(device.processes());
    const identity = known.uuid ?? known.pciBusId;
    return {
      // Numbered once it is known which of them the engine uses.
      id: "cuda",
      backend: "cuda",
      name,
      ...figures,
      reservedBytes: 0,
      ...defined(known),
      ...driver,
      ...defined({
        identity,
        holders: processes && holdersOf(processes, figures.totalBytes, files, holders),
      }),
    };
  } catch (error) {
    if (!(error instanceof NvmlFailure) && !(error instanceof Nonsense)) throw error;
    const which = known.uuid ?? known.pciBusId ?? "unknown";
    warnings.push(
      unreadable(`The memory of ${name} (${which}) can't be told: ${messageOf(error)}`),
    );
    return undefined;
  }
}

/** Figures that can't be. */
class Nonsense extends Error {}

type Figures = Pick<
  DeviceReading,
  "kind" | "isIntegrated" | "totalBytes" | "availableBytes" | "sources"
>;

async function figuresOf(
  device: NvmlDevice,
  busId: string | undefined,
  files: MachineFiles,
): Promise<Figures> {
  let memory: Awaited<ReturnType<NvmlDevice["memory"]>>;
  try {
    memory = await device.memory();
  } catch (error) {
    // GPUs on one chip with the processor have no memory of their own to tell of.
    const ram = isNotSupported(error) ? readRam(files) : undefined;
    if (ram === undefined) throw error;
    return { kind: "unified", isIntegrated: true, ...ram };
  }
  const { call, totalBytes: all, freeBytes, usedBytes, reservedBytes = 0 } = memory;
  const wrong = nonsenseIn(all, usedBytes) ?? nonsenseIn(all, reservedBytes) ??
    (Number.isSafeInteger(freeBytes) && freeBytes >= 0 && freeBytes <= all - usedBytes
      ? undefined
      : `${freeBytes} bytes free with ${usedBytes} of ${all} in use`);
  if (wrong !== undefined) throw new Nonsense(`${call} answers ${wrong}`);
  const totalBytes = all - reservedBytes;
  const path = busId === undefined ? call : `${call} of ${busId}`;
  const total: MemorySource = {
    figure: "total",
    name: reservedBytes > 0 ? "NVML total − reserved" : "NVML total",
    path,
    bytes: totalBytes,
    decides: true,
    ...(reservedBytes > 0
      ? {
        terms: [
          { name: "total", path, bytes: all },
          { name: "reserved by driver and firmware", path, bytes: -reservedBytes },
        ],
      }
      : {}),
  };
  const availableBytes = Math.min(freeBytes, totalBytes);
  return {
    kind: "device",
    isIntegrated: false,
    totalBytes,
    availableBytes,
    sources: [
      total,
      { figure: "available", name: "NVML free", path, bytes: availableBytes, decides: true },
    ],
  };
}

function multiprocessorsOf(cores: number, capability: number | undefined): number | undefined {
  const each = CORES[String(capability)];
  return each === undefined || cores <= 0 || cores % each !== 0 ? undefined : cores / each;
}

function unreadable(message: string): MachineWarning {
  return { code: "device-unreadable", message };
}
