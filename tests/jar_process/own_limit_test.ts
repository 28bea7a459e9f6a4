import { assertEquals } from "@std/assert";
import { decide, type MachineMemory } from "../../src/budget/memory.ts";
import { GB, MB } from "../../src/budget/size.ts";
import { COORDINATOR_BYTES, withoutOwnLimit } from "../../src/jar_process/own_limit.ts";

/** A machine of 16 GB and groups that the process is in, by their limits, each a little used. */
function machine(limits: readonly number[]): MachineMemory {
  const groups = limits.map((bytes, index) => {
    const path = `/sys/fs/cgroup/${index}/memory.max`;
    return { name: `memory.max of /${index}`, path, bytes };
  });
  return {
    ...decide([
      { figure: "total", name: "MemTotal", bytes: 16 * GB },
      { figure: "available", name: "MemAvailable", bytes: 12 * GB },
      ...groups.map((group) => ({ figure: "total" as const, ...group })),
      ...groups.map((group) => ({
        ...group,
        figure: "available" as const,
        name: `memory.max − memory.current of ${group.name}`,
        bytes: group.bytes - MB,
        terms: [group],
      })),
    ]),
    reservedBytes: 0,
    warnings: [],
  };
}

const CASES: readonly [asked: number, limits: readonly number[], total: number][] = [
  [50 * MB, [50 * MB], 16 * GB],
  // Slurm's step and its job have the same.
  [50 * MB, [50 * MB, 50 * MB], 16 * GB],
  // Rounded up to whole MiB.
  [50 * MB - 700, [50 * MB], 16 * GB],
  // An allocation of several steps holds them together.
  [50 * MB, [50 * MB, 200 * MB], 200 * MB],
  // A component of a plan's job holds the run's own process, too.
  [50 * MB, [50 * MB, 50 * MB + COORDINATOR_BYTES], 16 * GB],
  // Less than was asked is another's limit, and too little.
  [50 * MB, [40 * MB], 40 * MB],
];

for (const [asked, limits, total] of CASES) {
  Deno.test(`own limit: asked for ${asked}, in groups of ${limits.join(" and ")}`, () => {
    assertEquals(withoutOwnLimit(machine(limits), asked).totalBytes, total);
  });
}
