import { decide, type MachineMemory } from "../budget/memory.ts";
import { MB } from "../budget/size.ts";

/** The kernel rounds a limit down to whole pages of at most so many bytes. */
const PAGE_BYTES = 64 * 1024;

/** Schedulers round up to whole MiB, and some add a little. */
const ROUNDED_BYTES = 4 * MB;

/**
 * What a run's own process holds where no jar lives in it, and what it starts jars with. Measured in a
 * control group at its highest, three jars: 79 MB in 600 turns (in 72 MB it lived, too); as a batch step
 * of Slurm's, with an srun for each jar, 83 MB.
 */
export const COORDINATOR_BYTES: number = 128 * MB;

/**
 * A machine's memory without the limit that was asked for this process alone: it holds the jar to its
 * own floor as its RAM limit does, and has no room for margins that keep a machine from harm. So is a
 * group that was asked for both the jar and its run (`brainjar plan --for slurm`). Any other that is
 * smaller than was asked, or larger, holds others too, and stays.
 *
 * @param limitBytes what the launcher was asked for
 *
 * @example
 * ```ts
 * import { withoutOwnLimit } from "./own_limit.ts";
 * const own = { name: "memory.max of /job", path: "/job/memory.max", bytes: 5_000_000 };
 * const memory = withoutOwnLimit({
 *   totalBytes: own.bytes,
 *   availableBytes: own.bytes,
 *   reservedBytes: 0,
 *   sources: [
 *     { figure: "total", name: "MemTotal", bytes: 8_000_000_000, decides: false },
 *     { figure: "total", ...own, decides: true },
 *     { figure: "available", name: "MemAvailable", bytes: 6_000_000_000, decides: false },
 *     { figure: "available", ...own, terms: [own], decides: true },
 *   ],
 *   warnings: [],
 * }, 4_900_000);
 * if (memory.totalBytes !== 8_000_000_000) throw new Error("The machine's");
 * ```
 */
export function withoutOwnLimit(memory: MachineMemory, limitBytes: number): MachineMemory {
  const isOwn = (bytes: number) =>
    [limitBytes, limitBytes + COORDINATOR_BYTES].some((asked) =>
      bytes >= asked - PAGE_BYTES && bytes <= asked + ROUNDED_BYTES
    );
  const sources = memory.sources.filter(({ figure, name, bytes, terms }) => {
    if (!/ of /.test(name)) return true;
    return !isOwn(figure === "total" ? bytes : terms?.[0]?.bytes ?? Infinity);
  });
  return { ...memory, ...decide(sources, memory.reservedBytes) };
}
