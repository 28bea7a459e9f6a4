import type { JarFootprint } from "../../../src/budget/demand.ts";
import type { JarGroup, MachineKind, Way } from "../../../src/budget/placement/problem.ts";
import { device, gb, machine } from "../cases.ts";

/** Machines of one kind by their GB. */
export function kind(count: number, ramGb: number, ...deviceGb: readonly number[]): MachineKind {
  const devices = deviceGb.map((size, index) => device(`cuda:${index}`, size));
  const name = [`${ramGb}GB`, ...deviceGb.map((size) => `cuda:${size}GB`)].join("+");
  return { name, count, memory: machine(ramGb, ramGb, devices.length > 0 ? { devices } : {}) };
}

const shared = { floorBytes: 0, workingSetBytes: 0 };

/** What a jar needs of RAM by its bytes. */
export function inRam(bytes: number, floorBytes = Math.floor(bytes / 2)): JarFootprint {
  return { floorBytes, workingSetBytes: bytes, shared };
}

/** Jars that the processor computes alone. */
export function jars(
  name: string,
  count: number,
  bytes: number,
  machines: readonly MachineKind[],
): JarGroup {
  const way: Way = { footprint: inRam(bytes) };
  return group(name, count, machines.map(() => [way]));
}

/** Jars on a device, on any one that a machine has; with a way without it where they may do without. */
export function onDevice(
  name: string,
  count: number,
  { ramGb, deviceGb, withoutGb }: {
    readonly ramGb: number;
    readonly deviceGb: number;
    readonly withoutGb?: number;
  },
  machines: readonly MachineKind[],
): JarGroup {
  const without = withoutGb === undefined ? [] : [{ footprint: inRam(gb(withoutGb)) }];
  return group(
    name,
    count,
    machines.map(({ memory }) => [
      ...(memory.devices ?? []).map(({ id }): Way => {
        const needed = { id, bytes: gb(deviceGb), sharedBytes: 0, processBytes: 0 };
        return { footprint: { ...inRam(gb(ramGb)), devices: [needed] } };
      }),
      ...without,
    ]),
  );
}

function group(name: string, count: number, ways: JarGroup["ways"]): JarGroup {
  const ids = Array.from({ length: count }, (_, index) => `${name}-${index}`);
  return { ids, role: "subject", model: `${name}.gguf`, ways };
}

/** Numbers from 0 to 1, the same every time. */
export function numbers(): () => number {
  let state = 7;
  return () => (state = (state * 1664525 + 1013904223) >>> 0) / 2 ** 32;
}

/** Jars of their own sizes, in GB, each a group. */
export function each(
  count: number,
  machines: readonly MachineKind[],
  sizeGb: (random: () => number) => number,
): JarGroup[] {
  const random = numbers();
  return Array.from({ length: count }, (_, at) => jars(`j${at}`, 1, gb(sizeGb(random)), machines));
}
