import type { InstanceDemand } from "../../budget/demand.ts";
import type { MachineMemory } from "../../budget/memory.ts";
import { leastAvailableBytes, leastAvailableRule } from "../../budget/policy.ts";
import { RAM } from "../../budget/pools/pools.ts";
import { formatAmount } from "../../budget/size.ts";
import type { DeathCause } from "../jar/death_cause.ts";
import { leastImportantFirst } from "../roles.ts";

/** One look at memory. */
interface MemorySample {
  readonly memory: MachineMemory;
  /** This process's anonymous memory in bytes, `undefined` where it can't be read. */
  readonly ownAnonymousBytes: number | undefined;
}

/** Which jar is to die, and what for. */
interface Victim {
  readonly id: string;
  readonly cause: DeathCause;
  readonly detail: string;
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
function freeBytes(memory: MachineMemory): number {
  return memory.availableBytes + memory.reservedBytes;
}

/** Memory is short where so many times what is kept free is left. */
const SHORT = 4;

/**
 * Whether memory is so short that it must be looked at often: in a small group what is kept free is
 * little, and another process may fill it in less than the usual second.
 */
export function isShort(memory: MachineMemory): boolean {
  return freeBytes(memory) < SHORT * leastAvailableBytes(memory.totalBytes);
}

/**
 * Who is to die so that the kernel kills nobody (src/budget/README.md, "The run"): the jar that is furthest
 * over its own RAM limit; else, when less is available than is kept free, the least important one. One
 * at a time: its memory may be enough.
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
  const available = freeBytes(memory);
  if (available >= leastAvailableBytes(memory.totalBytes)) return undefined;
  const rule = leastAvailableRule({ ...memory, id: RAM });
  const detail = `${formatAmount(available)} available; ${rule}`;
  return { id: least.id, cause: "available-memory", detail };
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
