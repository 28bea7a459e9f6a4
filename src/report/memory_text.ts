import type { MachineMemory, MemoryLeftOut, MemorySource } from "../budget/memory.ts";
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
  const { leftOut = [] } = memory;
  return blocks([
    overview(memory),
    readings(memory, "total", "Total RAM: the smallest of"),
    readings(memory, "available", "Available: the smallest of"),
    ...optional("Left out", leftOut.map(leftOutLine)),
    ...optional("Reserved by brainjar", reservations.map(reservationLine)),
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

function reservationLine(reservation: MemoryReservation): string {
  const { processId, elsewhere, reservedBytes, residentBytes, endsInMilliseconds } = reservation;
  const whom = processId === undefined
    ? "held by check --reserve"
    : `to process ${processId}${elsewhere ? " in another pid namespace" : ""}`;
  const until = endsInMilliseconds === undefined
    ? ""
    : `, for ${Math.ceil(endsInMilliseconds / 1000)} s more`;
  return `  ${formatAmount(reservedBytes).padStart(12)}  ${whom}, ` +
    `${formatAmount(residentBytes)} of it resident${until}`;
}
