import { defined } from "../defined.ts";
import type { InstanceDemand, JarFootprint, LayersOnDevices, Role } from "../demand.ts";
import type { MachineMemory } from "../memory.ts";
import { leastAvailableOf, type Policy, usableBytes } from "../policy.ts";
import { type Pool, poolsOf, RAM } from "../pools/pools.ts";
import { addedBytes, footprintBytes } from "../required.ts";

/** Machines that are alike. */
export interface MachineKind {
  /** What people call it: `24GB+cuda:24GB`. */
  readonly name: string;
  /** How many there are. */
  readonly count: number;
  /** What each of them has, nothing being on it. */
  readonly memory: MachineMemory;
}

/** One way in which a jar can live on a machine, in a process of its own. */
export interface Way {
  /** What it needs there, sharing nothing (`aloneFootprint`). */
  readonly footprint: JarFootprint;
  /** How many layers of its model lie on devices; absent where the processor computes alone. */
  readonly gpuLayers?: LayersOnDevices;
  /** Whether no other jar may be on the devices: its layers are shared out by what is free there. */
  readonly ownsDevices?: boolean;
}

/** Jars that need the same on every kind of machine. */
export interface JarGroup {
  /** What they are called, in the order in which they were asked for. */
  readonly ids: readonly string[];
  readonly role: Role;
  /** The name of their model. */
  readonly model: string;
  readonly ramLimitBytes?: number;
  /** For each kind of machine the ways in which one of them can live there; none where it can't. */
  readonly ways: readonly (readonly Way[])[];
}

/** A way as it is counted: what it takes of each of a machine's rooms. */
export interface Choice {
  /** Which group of jars. */
  readonly group: number;
  /** Which of its ways on this kind of machine. */
  readonly way: number;
  /** Bytes of each room: RAM, the floors that the watch looks at, then each device. */
  readonly needs: readonly number[];
}

/** A kind of machine as it is counted. */
export interface Rooms {
  /** How many there are. */
  readonly count: number;
  /** What one counts for in what is made least: its bytes, those of its devices among them. */
  readonly bytes: number;
  /** Bytes that jars may take of each room. */
  readonly rooms: readonly number[];
  /** Who may live there, alone on it at least. */
  readonly choices: readonly Choice[];
}

/** What is to be placed where, in numbers alone. */
export interface Problem {
  readonly kinds: readonly Rooms[];
  /** Jars of each group. */
  readonly counts: readonly number[];
  /** Which groups have no way that does without a device. */
  readonly needsDevice: readonly boolean[];
}

/** The first room that is a device's. */
export const FIRST_DEVICE = 2;

/**
 * The numbers that layer 1 holds a machine's jars against (src/budget/README.md, "Placement"). With
 * jars that share nothing each of its rules is a sum of what each jar needs, against a bound that
 * depends on the machine alone: so what fits by these numbers is what layer 1 passes, no more and no
 * less.
 */
export function toProblem(
  groups: readonly JarGroup[],
  kinds: readonly MachineKind[],
  policy: Policy,
): Problem {
  const counted = kinds.map(({ count, memory }, kind): Rooms => {
    const rooms = roomsOf(memory, policy);
    const choices = groups.flatMap((jars, group) =>
      (jars.ways[kind] ?? []).flatMap((way, index): Choice[] => {
        const needs = needsOf(jars, way, memory, policy);
        const fits = !isOverLimit(jars, way, policy) &&
          needs.every((need, room) => need <= (rooms[room] ?? 0));
        return fits ? [{ group, way: index, needs: whole(needs, rooms, way) }] : [];
      })
    );
    return { count, bytes: bytesOf(memory), rooms, choices };
  });
  return {
    kinds: counted,
    counts: groups.map(({ ids }) => ids.length),
    needsDevice: groups.map(({ ways }) =>
      ways.every((there) => there.every(({ footprint }) => footprint.devices !== undefined))
    ),
  };
}

/** What a machine is: its RAM and the memory of devices that isn't RAM, in bytes. */
export function bytesOf(memory: MachineMemory): number {
  return poolsOf(memory).reduce(
    (bytes, { kind, totalBytes }) => kind === "unified" ? bytes : bytes + totalBytes,
    0,
  );
}

/** What jars may take of a machine: layer 1's rules 1, 2 and 4 as bounds of sums. */
function roomsOf(memory: MachineMemory, policy: Policy): number[] {
  const [ram, ...devices] = poolsOf(memory);
  const headroom = Math.max(policy.allocationHeadroomBytes, policy.loadHeadroomBytes);
  return [
    Math.min(usableBytes(ram.totalBytes, policy), ram.availableBytes - headroom),
    ram.availableBytes - leastAvailableOf(ram),
    ...devices.map((device) => roomOn(device, policy)),
  ];
}

/** What jars may take of an empty device: rules 1 and 2, and what the watch keeps free. */
export function roomOn(device: Pool, policy: Policy): number {
  const { totalBytes, availableBytes } = device;
  return Math.min(usableBytes(totalBytes, policy), availableBytes - leastAvailableOf(device));
}

/** A jar as layer 1 sees it. */
export function demandOf(
  id: string,
  { role, model, ramLimitBytes }: Omit<JarGroup, "ids" | "ways">,
  { footprint, gpuLayers }: Way,
): InstanceDemand {
  return { id, role, model, footprint, ...defined({ ramLimitBytes, gpuLayers }) };
}

/** Whether a jar needs more than its own limit: rule 3, on any machine. */
function isOverLimit(
  { ramLimitBytes = Infinity }: JarGroup,
  { footprint }: Way,
  { criterion }: Policy,
): boolean {
  return Math.ceil(footprintBytes(footprint, criterion)) > Math.ceil(ramLimitBytes);
}

/** What one jar takes of each room. */
function needsOf(
  group: JarGroup,
  way: Way,
  memory: MachineMemory,
  policy: Policy,
): number[] {
  const demand = demandOf("", group, way);
  const { ramLimitBytes: _, ...unlimited } = demand;
  const added = (jar: InstanceDemand, criterion: Policy["criterion"], pool: string) =>
    addedBytes([jar], { criterion, shareWeights: false }, pool)[0] ?? 0;
  const there = poolsOf(memory).slice(1).map(({ id }) => id);
  const isElsewhere = way.footprint.devices?.some(({ id }) => !there.includes(id)) ?? false;
  return [
    isElsewhere ? Infinity : added(demand, policy.criterion, RAM),
    added(unlimited, "floor", RAM),
    ...there.map((id) => added(demand, policy.criterion, id)),
  ];
}

/** Who has the devices to itself takes all of them. */
function whole(needs: readonly number[], rooms: readonly number[], way: Way): readonly number[] {
  if (!way.ownsDevices) return needs;
  return needs.map((need, room) => room < FIRST_DEVICE ? need : rooms[room] ?? need);
}
