import { defined } from "./defined.ts";
import type { JarFootprint } from "./demand.ts";
import type { MachineMemory } from "./memory.ts";
import { checkPolicy, type Policy } from "./policy.ts";
import { bytesIn, figuresOfRam, type PoolBytes, poolsOf, RAM } from "./pools/pools.ts";
import { poolsNeeded } from "./pools/reservations.ts";
import { checkFootprint, checkLimit, requiredOn } from "./required.ts";
import { usedPercent } from "./memory.ts";

/** Percent of system memory in use above which a load is allowed with a warning. */
const HIGH_USAGE_PERCENT = 75;

/** What layer 3 is asked. All bytes whole. */
export interface PreflightInput {
  /** What the jar needs. */
  readonly footprint: JarFootprint;
  /** Its RAM limit, where it has one. */
  readonly ramLimitBytes?: number;
  /** What the machine has now. */
  readonly memory: MachineMemory;
  /** Margin, headrooms and criterion. */
  readonly policy: Policy;
  /** What is resident for this jar already, such as weights that a jar before it loaded. */
  readonly alreadyResidentBytes?: number;
  /** Reserved for this process's other jars and not resident yet. */
  readonly unfilledBytes?: number;
  /** What is resident for this jar on devices already. */
  readonly alreadyResidentOn?: readonly PoolBytes[];
  /** Reserved for this process's other jars on devices and not filled yet. */
  readonly unfilledOn?: readonly PoolBytes[];
}

/** Layer 3's answer for one pool. All bytes whole. */
export interface PoolPreflight {
  /** `ram`, or a device's id. */
  readonly id: string;
  /** What was available, 0 of a device that isn't there. */
  readonly availableBytes: number;
  /** What the load still has to bring there. */
  readonly requiredBytes: number;
  /** What is to stay free beside it; nothing on a device. */
  readonly headroomBytes: number;
  /** required + headroom. */
  readonly neededBytes: number;
  /** needed − available where it is refused, else 0. */
  readonly shortBytes: number;
}

/** Layer 3's answer; figures without a pool are RAM's. All bytes whole. */
export interface PreflightResult extends Omit<PoolPreflight, "id"> {
  /** Whether the model may be loaded: no pool is short. */
  readonly ok: boolean;
  /** `warning` is allowed: the system is more than 75 % in use. */
  readonly level: "ok" | "warning" | "refused";
  /** Of RAM, 0 to 100. */
  readonly usedPercent: number;
  /** RAM first, then each device that the jar needs something on. */
  readonly pools: readonly PoolPreflight[];
}

/**
 * Layer 3: whether there is room for a model right before it is loaded (src/budget/README.md, "Layer 3").
 * Exactly enough is enough.
 *
 * @throws {BrainjarError} `invalid-ram-limit`, `invalid-footprint`, and those of the policy.
 *
 * @example
 * ```ts
 * import { DEFAULT_POLICY } from "./policy.ts";
 * import { checkAvailableMemoryBeforeLoad } from "./preflight.ts";
 * import { GB } from "./size.ts";
 *
 * const shared = { floorBytes: 0, workingSetBytes: 0 };
 * const result = checkAvailableMemoryBeforeLoad({
 *   footprint: { floorBytes: 2 * GB, workingSetBytes: 3 * GB, shared },
 *   memory: {
 *     totalBytes: 8 * GB,
 *     availableBytes: 4 * GB,
 *     reservedBytes: 0,
 *     sources: [],
 *     warnings: [],
 *   },
 *   policy: DEFAULT_POLICY,
 * });
 * if (result.level !== "refused" || result.shortBytes !== 1 * GB) throw new Error("3 + 2 > 4");
 * ```
 */
export function checkAvailableMemoryBeforeLoad(input: PreflightInput): PreflightResult {
  const { footprint, ramLimitBytes, policy } = input;
  checkPolicy(policy);
  checkFootprint("model", footprint);
  checkLimit("model", ramLimitBytes);
  const demand = { model: "", footprint, ...defined({ ramLimitBytes }) };
  const { alreadyResidentBytes = 0, unfilledBytes = 0 } = input;
  const resident = [{ id: RAM, bytes: alreadyResidentBytes }, ...input.alreadyResidentOn ?? []];
  const unfilled = [{ id: RAM, bytes: unfilledBytes }, ...input.unfilledOn ?? []];
  const toLoad = poolsNeeded(demand).map((id): ToLoad => {
    const whole = requiredOn(id, demand, policy.criterion);
    const requiredBytes = Math.max(0, whole - bytesIn(id, resident));
    return { id, requiredBytes, unfilledBytes: bytesIn(id, unfilled) };
  });
  return judgeLoad(toLoad, input);
}

/** What is to be brought into one pool. All bytes whole. */
interface ToLoad {
  /** `ram`, or a device's id. */
  readonly id: string;
  readonly requiredBytes: number;
  /** Reserved there for this process's other jars and not resident yet. */
  readonly unfilledBytes: number;
}

/**
 * Layer 3's rule for a load that still has to bring so much into each pool, RAM first.
 *
 * @example
 * ```ts
 * import { DEFAULT_POLICY } from "./policy.ts";
 * import { judgeLoad } from "./preflight.ts";
 * import { GB } from "./size.ts";
 *
 * const memory = {
 *   totalBytes: 16 * GB,
 *   availableBytes: 12 * GB,
 *   reservedBytes: 0,
 *   sources: [],
 *   warnings: [],
 * };
 * const toLoad = [{ id: "ram", requiredBytes: 10 * GB, unfilledBytes: 0 }];
 * const result = judgeLoad(toLoad, { memory, policy: DEFAULT_POLICY });
 * if (result.level !== "ok") throw new Error("10 GB and 2 GB of headroom are exactly 12 GB");
 * ```
 */
export function judgeLoad(
  toLoad: readonly ToLoad[],
  { memory, policy }: Pick<PreflightInput, "memory" | "policy">,
): PreflightResult {
  const there = poolsOf(memory);
  const pools = toLoad.map(({ id, requiredBytes, unfilledBytes }): PoolPreflight => {
    const pool = there.find((pool) => pool.id === id);
    const availableBytes = pool === undefined ? 0 : pool.availableBytes - unfilledBytes;
    const headroomBytes = id === RAM ? policy.loadHeadroomBytes : 0;
    const neededBytes = requiredBytes + headroomBytes;
    const refused = !(availableBytes >= neededBytes);
    const shortBytes = refused ? neededBytes - availableBytes : 0;
    return { id, availableBytes, requiredBytes, headroomBytes, neededBytes, shortBytes };
  });
  const used = usedPercent(memory);
  const refused = pools.some(({ shortBytes }) => shortBytes !== 0);
  return {
    ok: !refused,
    level: refused ? "refused" : used > HIGH_USAGE_PERCENT ? "warning" : "ok",
    ...figuresOfRam(pools),
    usedPercent: used,
    pools,
  };
}
