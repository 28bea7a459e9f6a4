import type { InstanceDemand } from "../../budget/demand.ts";
import type { DeviceMemory, MachineMemory } from "../../budget/memory.ts";
import { leastAvailableOf, leastAvailableRule } from "../../budget/policy.ts";
import { bytesIn, type Pool, type PoolBytes, RAM } from "../../budget/pools/pools.ts";
import { formatAmount } from "../../budget/size.ts";
import type { DeathCause } from "../jar/death_cause.ts";
import { leastImportantFirst } from "../roles.ts";

/** One look at memory. */
interface MemorySample {
  readonly memory: MachineMemory;
  /** This process's anonymous memory in bytes, `undefined` where it can't be read. */
  readonly ownAnonymousBytes: number | undefined;
  /** What the living jars have yet to fill on devices. */
  readonly unfilledOn?: readonly PoolBytes[];
  /** Devices that the last look didn't find either. */
  readonly missedBefore?: ReadonlySet<string>;
}

/** Which jar is to die, and what for. */
interface Victim {
  readonly id: string;
  readonly cause: DeathCause;
  readonly detail: string;
  /** The device that is short or gone; absent where it is RAM. */
  readonly pool?: string;
}

/**
 * A living jar's own memory in bytes. Jars live in one process, so it isn't measured but what of
 * the process's anonymous memory the others don't explain: their floors, less what they share, and
 * the shared part of every model that isn't this jar's. Where the others hold less than estimated,
 * this one is counted too low, never too high by their fault.
 */
export function ownMemoryBytes(
  jar: InstanceDemand,
  living: readonly InstanceDemand[],
  anonymousBytes: number,
  shareWeights: boolean,
): number {
  const models = new Map<string, number>();
  let others = 0;
  for (const { id, model, footprint } of living) {
    if (id === jar.id) continue;
    const shared = shareWeights ? footprint.shared.floorBytes : 0;
    others += footprint.floorBytes - shared;
    if (model !== jar.model) models.set(model, Math.max(models.get(model) ?? 0, shared));
  }
  for (const shared of models.values()) others += shared;
  return Math.max(0, anonymousBytes - others);
}

/** What nobody has filled; what other processes have reserved isn't used yet. */
function freeBytes(memory: Pick<Pool, "availableBytes" | "reservedBytes">): number {
  return memory.availableBytes + memory.reservedBytes;
}

/**
 * What is free on a device beside what its jars have yet to fill there: what they can't get when they
 * think ends the process.
 */
function leftOn(device: DeviceMemory, unfilledOn: readonly PoolBytes[] | undefined): number {
  return freeBytes(device) - bytesIn(device.id, unfilledOn);
}

/** Memory is short where so many times what is kept free is left. */
const SHORT = 4;

/**
 * Whether memory is so short that it must be looked at often: in a small group, or on a device, what
 * is kept free is little, and another process may fill it in less than the usual second.
 *
 * @param unfilledOn what jars have yet to fill on the devices that they are on
 */
export function isShort(memory: MachineMemory, unfilledOn: readonly PoolBytes[] = []): boolean {
  const isLittle = (bytes: number, pool: Pick<Pool, "id" | "totalBytes">) =>
    bytes < SHORT * leastAvailableOf(pool);
  const devices = memory.devices?.filter((device) => unfilledOn.some(({ id }) => id === device.id));
  return isLittle(freeBytes(memory), { ...memory, id: RAM }) ||
    (devices ?? []).some((device) => isLittle(leftOn(device, unfilledOn), device));
}

/**
 * Who is to die so that the kernel kills nobody (src/budget/README.md, "The run"): the jar that is furthest
 * over its own RAM limit; else, when less is available than is kept free, the least important one; of a
 * device the least important one that is on it. One at a time: its memory may be enough.
 */
export function judgeMemory(
  sample: MemorySample,
  living: readonly InstanceDemand[],
  shareWeights: boolean,
): Victim | undefined {
  const order = leastImportantFirst(living);
  const greedy = greediest(sample.ownAnonymousBytes, order, shareWeights);
  if (greedy) return greedy;

  const [least] = order;
  if (!least) return undefined;
  const { memory } = sample;
  const ram = { ...memory, id: RAM };
  const available = freeBytes(memory);
  if (available >= leastAvailableOf(ram)) return judgeDevices(sample, order);
  const detail = `${formatAmount(available)} available; ${leastAvailableRule(ram)}`;
  return { id: least.id, cause: "available-memory", detail };
}

/** The same on devices, those of the least important jar first. */
function judgeDevices(
  { memory, unfilledOn, missedBefore }: MemorySample,
  order: readonly InstanceDemand[],
): Victim | undefined {
  for (const { id, footprint } of order) {
    for (const { id: pool } of footprint.devices ?? []) {
      const device = memory.devices?.find((one) => one.id === pool);
      if (device === undefined) {
        // A driver may fail to answer once.
        if (!missedBefore?.has(pool)) continue;
        return { id, pool, cause: "device-lost", detail: `${pool} is no more among the devices` };
      }
      const detail = shortness(device, unfilledOn);
      if (detail !== undefined) return { id, pool, cause: "device-memory", detail };
    }
  }
  return undefined;
}

/**
 * How a device is short, in words: less is free beside what jars have yet to fill there than is to be
 * kept free. Nothing where it isn't.
 */
export function shortness(
  device: DeviceMemory,
  unfilledOn: readonly PoolBytes[] = [],
): string | undefined {
  if (leftOn(device, unfilledOn) >= leastAvailableOf(device)) return undefined;
  const toFill = bytesIn(device.id, unfilledOn);
  const where = toFill > 0 ? ` where jars have yet to fill ${formatAmount(toFill)}` : "";
  return `${device.id}: ${formatAmount(freeBytes(device))} available${where}; ` +
    leastAvailableRule(device);
}

/** Devices that these jars are on and that a reading doesn't have. */
export function missingDevices(
  { devices = [] }: MachineMemory,
  living: readonly InstanceDemand[],
): ReadonlySet<string> {
  const needed = living.flatMap(({ footprint }) => footprint.devices ?? []).map(({ id }) => id);
  return new Set(needed.filter((id) => devices.every((device) => device.id !== id)));
}

function greediest(
  anonymousBytes: number | undefined,
  jars: readonly InstanceDemand[],
  shareWeights: boolean,
): Victim | undefined {
  if (anonymousBytes === undefined) return undefined;
  let most = 0;
  let worst: Victim | undefined;
  for (const jar of jars) {
    const limit = jar.ramLimitBytes ?? Infinity;
    const own = ownMemoryBytes(jar, jars, anonymousBytes, shareWeights);
    if (own - limit <= most) continue;
    most = own - limit;
    const detail = `${formatAmount(own)} of its ${formatAmount(limit)}`;
    worst = { id: jar.id, cause: "ram-limit", detail };
  }
  return worst;
}
