import { decide, type MachineMemory } from "../budget/memory.ts";

const NAME = "what this process holds";
const PATH = "/proc/self/status";

/**
 * A machine's memory for jars that aren't loaded yet: with what this process itself holds, which
 * is missing from what the kernel calls available. A footprint has the process in it from its first
 * byte, whether it is this one or one that is started after it (src/budget/README.md: what is resident already
 * isn't required again).
 *
 * @param heldBytes what `readHeldBytes` says of this process
 */
export function countOwnMemory(memory: MachineMemory, heldBytes: number): MachineMemory {
  const more = Math.min(heldBytes, Math.max(0, memory.totalBytes - memory.availableBytes));
  if (more <= 0) return memory;
  const sources = memory.sources.map((source) =>
    // A figure that was given has it left out already.
    source.figure !== "available" || source.path === undefined ? source : {
      ...source,
      name: `${source.name} + ${NAME}`,
      bytes: source.bytes + more,
      terms: [
        ...source.terms ?? [{ name: source.name, path: source.path, bytes: source.bytes }],
        { name: NAME, path: PATH, bytes: more },
      ],
    }
  );
  // Without sources the figure is all that is known.
  return sources.length === 0
    ? { ...memory, availableBytes: memory.availableBytes + more }
    : { ...memory, ...decide(sources, memory.reservedBytes) };
}
