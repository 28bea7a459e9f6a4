import type { MachineMemory } from "../budget/memory.ts";

const NAME = "what this process holds";
const PATH = "/proc/self/status";

/**
 * A machine's memory for jars that aren't loaded yet: with what this process itself holds, which
 * is missing from what the kernel calls available. A footprint has the process in it from its first
 * byte, whether it is this one or one that is started after it (src/budget/README.md: what is resident already
 * isn't required again).
 *
 * @param ownAnonymousBytes this process's memory of no file (RssAnon)
 *
 * @example
 * ```ts
 * import { countOwnMemory } from "./own_memory.ts";
 * const memory = { totalBytes: 100, availableBytes: 60, reservedBytes: 0, sources: [], warnings: [] };
 * if (countOwnMemory(memory, 10).availableBytes !== 70) throw new Error("60 and 10");
 * if (countOwnMemory(memory, 50).availableBytes !== 100) throw new Error("There is no more");
 * ```
 */
export function countOwnMemory(memory: MachineMemory, ownAnonymousBytes: number): MachineMemory {
  const more = Math.min(ownAnonymousBytes, Math.max(0, memory.totalBytes - memory.availableBytes));
  if (more <= 0) return memory;
  return {
    ...memory,
    availableBytes: memory.availableBytes + more,
    sources: memory.sources.map((source) =>
      source.figure !== "available" ? source : {
        ...source,
        name: `${source.name} + ${NAME}`,
        bytes: source.bytes + more,
        terms: [
          ...source.terms ??
            [{ name: source.name, path: source.path ?? "", bytes: source.bytes }],
          { name: NAME, path: PATH, bytes: more },
        ],
      }
    ),
  };
}
