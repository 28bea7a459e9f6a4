/**
 * What the kernel may count of a process before it is filled: `data` what is private and may be
 * written (RLIMIT_DATA, VmData), `committed` the same over all processes (overcommit off), and
 * `address-space` everything that is mapped, files and what is only reserved among it (RLIMIT_AS,
 * VmSize).
 */
export type AllocatedKind = "data" | "committed" | "address-space";

/** One reading that a figure came from, for `brainjar memory` and the JSON's `sources`. */
export interface MemorySource {
  /** Which figure it bears on. */
  readonly figure: "total" | "available";
  /** A name a person knows: `MemAvailable`, `memory.max of /a/b`, `--total-memory`. */
  readonly name: string;
  /** Where it was read, absent for a figure that was given. */
  readonly path?: string;
  /** What it says, in bytes. */
  readonly bytes: number;
  /** True for the reading that decided the figure (the smallest). */
  readonly decides: boolean;
  /** What it limits, where that isn't memory that is filled. */
  readonly counts?: AllocatedKind;
  /** The readings that a computed figure is the sum of, what is taken off negative. */
  readonly terms?: readonly {
    readonly name: string;
    readonly path: string;
    readonly bytes: number;
  }[];
}

/** Memory that looks as if it could be had and is in no figure, and why. */
export interface MemoryLeftOut {
  /** What it is, for a person. */
  readonly name: string;
  /** Where it was read. */
  readonly path: string;
  /** What it says, in bytes. */
  readonly bytes: number;
  /** A clause without a capital or a full stop. */
  readonly reason: string;
}

/** Memory pressure in percent of time stalled, from PSI. */
export interface MemoryPressure {
  /** Percent of the last 10 seconds in which something waited. */
  readonly someAverage10: number;
  /** Percent of the last 10 seconds in which everything waited. */
  readonly fullAverage10: number;
}

/** What one process holds on a device, as its driver tells it. */
export interface DeviceHolder {
  /** As this process's pid namespace has it. */
  readonly processId: number;
  /** What it is called, where that is known. */
  readonly name?: string;
  /** Whole bytes; absent where its driver doesn't tell (Windows). */
  readonly bytes?: number;
  /** It is this process. */
  readonly isOwn?: true;
}

/** What is to be known of a reading: a stable code, and a sentence. */
export interface MemoryWarning {
  /** What programs go by. */
  readonly code: string;
  /** What people read. */
  readonly message: string;
}

/**
 * The memory of one device, a pool beside RAM (src/budget/README.md, "Pools"). All bytes whole.
 */
export interface DeviceMemory {
  /** Backend and number in the engine's order: `cuda:0`. */
  readonly id: string;
  /**
   * What tells it from the machine's other devices, in whatever order and by whatever backend they
   * are counted (an address on the bus, a UUID): the ledger's processes may each have an order of
   * their own. Absent where the driver doesn't tell; then its id does.
   */
  readonly identity?: string;
  /** `unified`: what it holds is RAM, and counted there too. */
  readonly kind: "device" | "unified";
  /** What its driver calls it. */
  readonly name: string;
  /** All of it. */
  readonly totalBytes: number;
  /** What its driver says is free, less `reservedBytes`. */
  readonly availableBytes: number;
  /** Reserved there for others' jars or by tokens and not filled yet; already off `availableBytes`. */
  readonly reservedBytes: number;
  /** Every figure that was read, those that decide among them. */
  readonly sources: readonly MemorySource[];
  /** Who holds how much of it; absent where the driver doesn't tell. */
  readonly holders?: readonly DeviceHolder[];
}

/** What memory a machine has for this process, as `machine/` reads it and `budget/` judges it. */
export interface MachineMemory {
  /** Smallest of MemTotal and every limit on this process (src/budget/README.md, "Words"). */
  readonly totalBytes: number;
  /** Smallest of MemAvailable and what each limit leaves. */
  readonly availableBytes: number;
  /** Reserved for others' jars or by tokens and not resident yet; already off `availableBytes`. */
  readonly reservedBytes: number;
  /** Every figure that was read, those that decide among them. */
  readonly sources: readonly MemorySource[];
  /** The devices' memories, in the engine's order; absent where there are none. */
  readonly devices?: readonly DeviceMemory[];
  /** Absent where the kernel doesn't report it. */
  readonly pressure?: MemoryPressure;
  /** Shown, never reserved. */
  readonly swap?: { readonly totalBytes: number; readonly freeBytes: number };
  /** Huge pages and caches that are in no figure; absent where there are none. */
  readonly leftOut?: readonly MemoryLeftOut[];
  /** Warnings about the readings themselves. */
  readonly warnings: readonly MemoryWarning[];
}

/**
 * How much of the system's memory is in use, in percent, 0 to 100. What is reserved and not yet
 * resident isn't in use.
 *
 * @example
 * ```ts
 * import { usedPercent } from "./memory.ts";
 * const memory = { totalBytes: 100, availableBytes: 20, reservedBytes: 5 };
 * if (usedPercent(memory) !== 75) throw new Error("100 − (20 + 5)");
 * ```
 */
export function usedPercent(
  memory: Pick<MachineMemory, "totalBytes" | "availableBytes" | "reservedBytes">,
): number {
  const used = memory.totalBytes - memory.availableBytes - memory.reservedBytes;
  return Math.min(100, Math.max(0, (used * 100) / memory.totalBytes));
}

/**
 * What readings come to: each figure is the smallest of its own, and available no more than total.
 *
 * @param sources readings of both figures; which of them decided before doesn't matter
 * @param reservedBytes what others have reserved and not filled: off every reading but those of this
 * process's own limits, which others can't fill
 *
 * @example
 * ```ts
 * import { decide } from "./memory.ts";
 * const { totalBytes, availableBytes, sources } = decide([
 *   { figure: "total", name: "MemTotal", bytes: 8 },
 *   { figure: "available", name: "MemAvailable", bytes: 6 },
 *   { figure: "available", name: "memory.max", bytes: 5 },
 * ]);
 * if (totalBytes !== 8 || availableBytes !== 5 || !sources[2]?.decides) throw new Error("5 of 8");
 * ```
 */
export function decide(
  sources: readonly (Omit<MemorySource, "decides"> & Partial<Pick<MemorySource, "decides">>)[],
  reservedBytes = 0,
): Pick<MachineMemory, "totalBytes" | "availableBytes" | "sources"> {
  const totalBytes = least(sources, ({ figure, bytes }) => figure === "total" ? bytes : Infinity);
  const left = ({ figure, bytes, counts }: Pick<MemorySource, "figure" | "bytes" | "counts">) => {
    if (figure === "total") return Infinity;
    const taken = counts === "data" || counts === "address-space" ? 0 : reservedBytes;
    return Math.max(0, bytes - taken);
  };
  const leastLeft = least(sources, left);
  const decided = new Set<MemorySource["figure"]>();
  return {
    totalBytes,
    availableBytes: Math.min(leastLeft, totalBytes),
    // The first of the smallest.
    sources: sources.map((source) => {
      const isLeast = source.figure === "total"
        ? source.bytes === totalBytes
        : left(source) === leastLeft;
      const decides = isLeast && !decided.has(source.figure);
      if (decides) decided.add(source.figure);
      return { ...source, decides };
    }),
  };
}

function least<Item>(items: readonly Item[], bytesOf: (item: Item) => number): number {
  return items.reduce((bytes, item) => Math.min(bytes, bytesOf(item)), Infinity);
}
