import { defined } from "../../budget/defined.ts";
import type { InstanceDemand } from "../../budget/demand.ts";
import type { DeviceMemory, MachineMemory } from "../../budget/memory.ts";
import { leastAvailableOf, leastAvailableRule } from "../../budget/policy.ts";
import { bytesIn, type Pool, type PoolBytes, RAM } from "../../budget/pools/pools.ts";
import { formatAmount } from "../../budget/size.ts";
import type { DeathCause } from "../jar/death_cause.ts";
import { leastImportantFirst } from "../roles.ts";

/** One look at memory. */
interface MemoryLook {
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

/** What nobody has filled of a pool; what other processes have reserved isn't used yet. */
export function freeBytes(memory: Pick<Pool, "availableBytes" | "reservedBytes">): number {
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

/** What a jar may have to die for, and how far that is. */
interface Threat extends Omit<Victim, "detail"> {
  /** Below 0 it is to die; at once where a device is gone. */
  readonly spareBytes: number;
  /** What the spare is a part of, so that pools of any size compare. */
  readonly ofBytes: number;
  /** Why it dies, once it does. */
  readonly detail: () => string;
  /** Why it would be the next, as long as it doesn't. */
  readonly why: () => string;
}

/**
 * Who is to die so that the kernel kills nobody (src/budget/README.md, "The run"): the jar that is furthest
 * over its own RAM limit; else, when less is available than is kept free, the least important one; of a
 * device the least important one that is on it. One at a time: its memory may be enough.
 */
export function judgeMemory(
  sample: MemoryLook,
  living: readonly InstanceDemand[],
  shareWeights: boolean,
): Victim | undefined {
  const worst = threats(sample, living, shareWeights).find(({ spareBytes }) => spareBytes < 0);
  if (worst === undefined) return undefined;
  const { id, cause, detail, pool } = worst;
  return { id, cause, detail: detail(), ...defined({ pool }) };
}

/**
 * Who would be asked to die next by the same rules, were memory to run short, and why: what has the
 * least left of its whole decides. Nobody where nobody lives.
 */
export function nextToDie(
  sample: MemoryLook,
  living: readonly InstanceDemand[],
  shareWeights: boolean,
): { readonly id: string; readonly why: string } | undefined {
  const [nearest] = threats(sample, living, shareWeights)
    .toSorted((a, b) => a.spareBytes / a.ofBytes - b.spareBytes / b.ofBytes);
  return nearest && { id: nearest.id, why: nearest.why() };
}

/** All that living jars may have to die for, in the order in which it decides. */
function threats(
  sample: MemoryLook,
  living: readonly InstanceDemand[],
  shareWeights: boolean,
): Threat[] {
  const order = leastImportantFirst(living);
  const [least] = order;
  if (!least) return [];
  const limits = limitThreats(sample.ownAnonymousBytes, order, shareWeights);
  return [...limits, ramThreat(least.id, sample.memory), ...deviceThreats(sample, order)];
}

/** The jars that have a RAM limit, the one that is furthest over its own first. */
function limitThreats(
  anonymousBytes: number | undefined,
  order: readonly InstanceDemand[],
  shareWeights: boolean,
): Threat[] {
  if (anonymousBytes === undefined) return [];
  const all = order.flatMap((jar): Threat[] => {
    const { id, ramLimitBytes: limit } = jar;
    if (limit === undefined) return [];
    const own = ownMemoryBytes(jar, order, anonymousBytes, shareWeights);
    const detail = () => `${formatAmount(own)} of its ${formatAmount(limit)}`;
    const why = () => `nearest to its own RAM limit: ${detail()}`;
    return [{ id, cause: "ram-limit", spareBytes: limit - own, ofBytes: limit, detail, why }];
  });
  return all.toSorted((a, b) => a.spareBytes - b.spareBytes);
}

function ramThreat(id: string, memory: MachineMemory): Threat {
  const ram = { ...memory, id: RAM };
  const available = freeBytes(memory);
  return {
    id,
    cause: "available-memory",
    spareBytes: available - leastAvailableOf(ram),
    ofBytes: memory.totalBytes,
    detail: () => `${formatAmount(available)} available; ${leastAvailableRule(ram)}`,
    why: () =>
      `least important, if under ${formatAmount(leastAvailableOf(ram))} is available ` +
      `(now ${formatAmount(available)})`,
  };
}

/** The same on devices, those of the least important jar first. */
function deviceThreats(
  { memory, unfilledOn, missedBefore }: MemoryLook,
  order: readonly InstanceDemand[],
): Threat[] {
  const seen = new Set<string>();
  return order.flatMap(({ id, footprint }) =>
    (footprint.devices ?? []).flatMap(({ id: pool }): Threat[] => {
      if (seen.has(pool)) return [];
      seen.add(pool);
      const device = memory.devices?.find((one) => one.id === pool);
      if (device === undefined) {
        // A driver may fail to answer once.
        if (!missedBefore?.has(pool)) return [];
        const detail = () => `${pool} is no more among the devices`;
        const lost = { spareBytes: -Infinity, ofBytes: 1, detail, why: detail };
        return [{ id, pool, cause: "device-lost", ...lost }];
      }
      const left = leftOn(device, unfilledOn);
      const least = leastAvailableOf(device);
      return [{
        id,
        pool,
        cause: "device-memory",
        spareBytes: left - least,
        ofBytes: device.totalBytes,
        detail: () => shortness(device, unfilledOn) ?? "",
        why: () =>
          `least important on ${pool}, if under ${formatAmount(least)} is left there beside ` +
          `what jars have yet to fill (now ${formatAmount(left)})`,
      }];
    })
  );
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
