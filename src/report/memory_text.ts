import type {
  DeviceHolder,
  DeviceMemory,
  MachineMemory,
  MemoryLeftOut,
  MemorySource,
} from "../budget/memory.ts";
import { formatAmount } from "../budget/size.ts";
import { usedPercent } from "../budget/memory.ts";
import { type Block, blocks, fields } from "./block.ts";
import { formatPercent } from "./format.ts";

/** What is reserved for a brainjar process or by a token. All bytes whole. */
interface MemoryReservation {
  /** Absent for a token. */
  readonly processId?: number;
  /** The process is in another pid namespace. */
  readonly elsewhere?: true;
  readonly reservedBytes: number;
  readonly residentBytes: number;
  /** Until a token ends by itself. */
  readonly endsInMilliseconds?: number;
  /** What of devices; absent where nothing is. */
  readonly devices?: readonly {
    readonly id: string;
    readonly reservedBytes: number;
    readonly residentBytes: number;
  }[];
}

/**
 * A machine's memory as `brainjar memory` explains it: each figure, what decided it, and what was
 * left out and why. Plain text without a line break at the end.
 *
 * @example
 * ```ts
 * import { memoryText } from "./memory_text.ts";
 * const text = memoryText({
 *   totalBytes: 8 * 1024 ** 3,
 *   availableBytes: 1024 ** 3,
 *   reservedBytes: 0,
 *   sources: [{ figure: "total", name: "MemTotal", bytes: 8 * 1024 ** 3, decides: true }],
 *   warnings: [],
 * }, []);
 * if (!text.includes("8.00 GB")) throw new Error(text);
 * ```
 */
export function memoryText(
  memory: MachineMemory,
  reservations: readonly MemoryReservation[],
  ledgerFolders: readonly string[] = [],
): string {
  const { leftOut = [], devices = [] } = memory;
  return blocks([
    overview(memory),
    readings(memory, "total", "Total RAM: the smallest of"),
    readings(memory, "available", "Available: the smallest of"),
    ...devices.map(deviceBlock),
    ...optional("Left out", leftOut.map(leftOutLine)),
    ...optional("Reserved by brainjar", reservations.flatMap(reservationLines)),
    ...optional("Reservations are read from", ledgerLines(ledgerFolders)),
    ...optional("Warnings", memory.warnings.map(({ message }) => `  ${message}`)),
  ]);
}

function overview(memory: MachineMemory): Block {
  const { swap, pressure } = memory;
  return {
    title: "MEMORY OF THIS MACHINE",
    lines: fields([
      ["Total RAM", formatAmount(memory.totalBytes)],
      ["Available", formatAmount(memory.availableBytes)],
      ["In use", formatPercent(usedPercent(memory))],
      ["Reserved by others", formatAmount(memory.reservedBytes)],
      [
        "Swap (not counted)",
        swap &&
        (swap.totalBytes === 0
          ? "none"
          : `${formatAmount(swap.freeBytes)} free of ${formatAmount(swap.totalBytes)}`),
      ],
      [
        "Memory pressure",
        pressure === undefined
          ? "not reported by this kernel"
          : `some ${formatPercent(pressure.someAverage10)}, full ${
            formatPercent(pressure.fullAverage10)
          } of the last 10 s`,
      ],
    ]),
  };
}

function readings(memory: MachineMemory, figure: MemorySource["figure"], title: string): Block {
  const sources = memory.sources.filter((source) => source.figure === figure);
  return { title, lines: sources.flatMap(sourceLines) };
}

function sourceLines(source: MemorySource): string[] {
  const mark = source.decides ? "→" : " ";
  const lines = [`${mark} ${formatAmount(source.bytes).padStart(12)}  ${source.name}`];
  for (const term of source.terms ?? []) {
    lines.push(
      `    ${formatAmount(term.bytes).padStart(12)}  ${term.name}${where(term.path)}`,
    );
  }
  if (source.terms === undefined && source.path !== undefined) {
    lines[0] += where(source.path);
  }
  return lines;
}

function where(path: string | undefined): string {
  return path === undefined ? "" : ` (${path})`;
}

const KINDS: Readonly<Record<DeviceMemory["kind"], string>> = {
  device: "its own",
  unified: "RAM, and counted there too",
};

/** One device: its figures, where each was read, and who holds how much. */
function deviceBlock(device: DeviceMemory): Block {
  const { id, name, kind, totalBytes, availableBytes, reservedBytes, sources, holders } = device;
  return {
    title: `${id}: ${name}`,
    lines: [
      ...fields([
        ["Memory", KINDS[kind]],
        ["Total", formatAmount(totalBytes)],
        ["Available", formatAmount(availableBytes)],
        ["In use", formatPercent(usedPercent(device))],
        ["Reserved by others", formatAmount(reservedBytes)],
        ["Known by", device.identity],
        ["Held by", heldBy(holders)],
      ]),
      ...(holders ?? []).map(holderLine),
      ...sources.flatMap((source) =>
        sourceLines({ ...source, name: `${FIGURES[source.figure]}: ${source.name}` })
      ),
    ],
  };
}

const FIGURES: Readonly<Record<MemorySource["figure"], string>> = {
  total: "Total",
  available: "Available",
};

function heldBy(holders: readonly DeviceHolder[] | undefined): string {
  if (holders === undefined) return "not told by its driver here";
  if (holders.length === 0) return "nobody";
  return holders.length === 1 ? "one process" : `${holders.length} processes`;
}

function holderLine({ processId, name, bytes, isOwn }: DeviceHolder): string {
  const amount = bytes === undefined ? "unknown" : formatAmount(bytes);
  const who = name === undefined ? `process ${processId}` : `${name} (process ${processId})`;
  return `  ${amount.padStart(12)}  ${isOwn ? "brainjar itself" : who}`;
}

/** A block, where there is anything to say in it. */
function optional(title: string, lines: readonly string[]): Block[] {
  return lines.length === 0 ? [] : [{ title, lines }];
}

function leftOutLine({ bytes, name, reason }: MemoryLeftOut): string {
  return `  ${formatAmount(bytes).padStart(12)}  ${name}: ${reason}`;
}

function ledgerLines(folders: readonly string[]): string[] {
  if (folders.length === 0) return [];
  return [
    ...folders.map((folder) => `  ${folder}`),
    "  Not seen: what other users reserve, and brainjar in a container or service that shares none",
    "  of these folders with this one; what they hold already is gone from what is available",
  ];
}

/** What of RAM, and below it what of each device. */
function reservationLines(reservation: MemoryReservation): string[] {
  const { processId, elsewhere, endsInMilliseconds, devices = [] } = reservation;
  const whom = processId === undefined
    ? "held by check --reserve"
    : `to process ${processId}${elsewhere ? " in another pid namespace" : ""}`;
  const until = endsInMilliseconds === undefined
    ? ""
    : `, for ${Math.ceil(endsInMilliseconds / 1000)} s more`;
  const line = (reservedBytes: number, residentBytes: number, where: string) =>
    `  ${formatAmount(reservedBytes).padStart(12)}  ${where}${whom}, ` +
    `${formatAmount(residentBytes)} of it resident${until}`;
  return [
    line(reservation.reservedBytes, reservation.residentBytes, ""),
    ...devices.map((one) => line(one.reservedBytes, one.residentBytes, `of ${one.id} `)),
  ];
}
