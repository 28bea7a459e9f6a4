import type { InstanceDemand } from "./demand.ts";
import { type AllocatedKind, decide, type MachineMemory, type MemorySource } from "./memory.ts";
import type { Policy } from "./policy.ts";
import { addedBytes } from "./required.ts";
import { sum } from "./sum.ts";

/** What of a demand decides how much it allocates. */
type AllocatingDemand = Pick<InstanceDemand, "model" | "ramLimitBytes" | "footprint">;

/** Where the terms that come from the jars themselves are found. */
const FROM_JARS = "the jars' own estimate";

/**
 * A machine's memory as these jars meet it. Some limits count memory when it is allocated, filled or
 * not: of data and committed memory the file's mapped weights are no part, and compute buffers that
 * are hardly touched are one; of address space all of the mapped file is. What such a limit leaves
 * is said anew in terms of what the jars require, so that it can be compared like any other: it
 * holds the jars exactly where required ≤ the reading's bytes. Nothing changes where there is no
 * such limit.
 *
 * @param first The memory as it was read before any of the jars was loaded, where some may be by
 * now: what they have allocated and not filled is then not taken off twice.
 *
 * @example
 * ```ts
 * import { memoryFor } from "./allocated_memory.ts";
 * import { DEFAULT_POLICY } from "./policy.ts";
 *
 * const shared = { floorBytes: 0, workingSetBytes: 900 };
 * const footprint = { floorBytes: 100, workingSetBytes: 1000, shared };
 * const { availableBytes } = memoryFor({
 *   totalBytes: 5000,
 *   availableBytes: 150,
 *   reservedBytes: 0,
 *   sources: [
 *     { figure: "total", name: "MemTotal", bytes: 5000, decides: true },
 *     { figure: "available", name: "MemAvailable", bytes: 4000, decides: false },
 *     { figure: "available", name: "RLIMIT_DATA", bytes: 150, decides: true, counts: "data" },
 *   ],
 *   warnings: [],
 * }, [{ model: "a.gguf", footprint }], DEFAULT_POLICY);
 * if (availableBytes !== 1050) throw new Error("100 of the 150 bytes, and 900 that stay in the file");
 * ```
 */
export function memoryFor(
  memory: MachineMemory,
  demands: readonly AllocatingDemand[],
  policy: Policy,
  first: MachineMemory = memory,
): MachineMemory {
  if (memory.sources.every(({ counts }) => counts === undefined)) return memory;
  const required = sum(addedBytes(demands, policy));
  const sources = memory.sources.map((source): MemorySource => {
    const { counts, figure } = source;
    if (counts === undefined) return source;
    const { needed, unfilled } = allocatedBytes(demands, policy, counts);
    const there = figure === "total" ? 0 : Math.min(unfilled, unfilledBy(counts, first, memory));
    const margin = figure === "total" ? 1 - policy.safetyMarginPercent / 100 : 1;
    const notCounted = (required - needed + unfilled) / margin;
    const notFilled = (there - unfilled) / margin;
    // A total of nothing is no machine: a limit that is used up leaves one byte of it.
    const least = figure === "total" ? 1 : 0;
    const bytes = Math.max(least, Math.floor(source.bytes + notCounted + notFilled));
    return {
      ...source,
      bytes,
      terms: [
        ...source.terms ?? [{ name: source.name, path: source.path ?? "", bytes: source.bytes }],
        term(`required and not counted as ${WORDS[counts]}`, notCounted),
        term("allocated and not filled", notFilled),
      ],
    };
  });
  return { ...memory, ...decide(sources, memory.reservedBytes) };
}

const WORDS: Readonly<Record<AllocatedKind, string>> = {
  data: "data",
  committed: "committed",
  "address-space": "address space",
};

function term(name: string, bytes: number) {
  return { name, path: FROM_JARS, bytes: Math.floor(bytes) };
}

/**
 * What these jars allocate together of one kind, and how much of that is never filled or is mapped.
 */
function allocatedBytes(
  demands: readonly AllocatingDemand[],
  { shareWeights }: Policy,
  kind: AllocatedKind,
): { readonly needed: number; readonly unfilled: number } {
  // A RAM limit allocates nothing.
  const unlimited = demands.map(({ model, footprint }) => ({ model, footprint }));
  const filled = sum(addedBytes(unlimited, { criterion: "floor", shareWeights }));
  const loads = new Map<string | number, number>();
  let unfilled = 0;
  let process = 0;
  let opening = 0;
  let addressSpace = 0;
  for (const [index, { model, footprint: { allocated } }] of demands.entries()) {
    if (allocated === undefined) continue;
    unfilled += allocated.untouchedBytes;
    process = Math.max(process, allocated.processBytes);
    opening = Math.max(opening, allocated.openingBytes);
    addressSpace = Math.max(addressSpace, allocated.addressSpaceBytes);
    loads.set(shareWeights ? model : index, allocated.mappedBytes);
  }
  unfilled += process;
  if (kind === "address-space") unfilled += sum([...loads.values()]) + addressSpace;
  const needed = Math.max(filled + unfilled, kind === "committed" ? opening : 0);
  return { needed, unfilled };
}

/** What the process has allocated and not filled since its memory was first read. */
function unfilledBy(kind: AllocatedKind, first: MachineMemory, now: MachineMemory): number {
  const total = ({ sources }: MachineMemory) =>
    sources.find(({ figure, counts }) => figure === "total" && counts === kind)?.bytes ?? 0;
  return Math.max(0, total(first) - total(now));
}
