import { defined } from "./defined.ts";
import type { JarFootprint } from "./demand.ts";
import type { MachineMemory } from "./memory.ts";
import { checkPolicy, type Policy } from "./policy.ts";
import { checkFootprint, checkLimit, requiredBytes } from "./required.ts";
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
}

/** Layer 3's answer. All bytes whole. */
export interface PreflightResult {
  /** Whether the model may be loaded. */
  readonly ok: boolean;
  /** `warning` is allowed: the system is more than 75 % in use. */
  readonly level: "ok" | "warning" | "refused";
  /** What was available. */
  readonly availableBytes: number;
  /** What the load still has to bring into memory. */
  readonly requiredBytes: number;
  /** What is to stay free beside it. */
  readonly headroomBytes: number;
  /** required + headroom. */
  readonly neededBytes: number;
  /** needed − available where it is refused, else 0. */
  readonly shortBytes: number;
  /** 0 to 100. */
  readonly usedPercent: number;
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
  const whole = requiredBytes(demand, policy.criterion);
  return judgeLoad(Math.max(0, whole - (input.alreadyResidentBytes ?? 0)), input);
}

/**
 * Layer 3's rule for a load that still has to bring `requiredBytes` into memory.
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
 * const result = judgeLoad(10 * GB, { memory, policy: DEFAULT_POLICY, unfilledBytes: 0 });
 * if (result.level !== "ok") throw new Error("10 GB and 2 GB of headroom are exactly 12 GB");
 * ```
 */
export function judgeLoad(
  requiredBytes: number,
  { memory, policy, unfilledBytes = 0 }: Omit<PreflightInput, "footprint">,
): PreflightResult {
  const availableBytes = memory.availableBytes - unfilledBytes;
  const headroomBytes = policy.loadHeadroomBytes;
  const neededBytes = requiredBytes + headroomBytes;
  const used = usedPercent(memory);
  const refused = !(availableBytes >= neededBytes);
  return {
    ok: !refused,
    level: refused ? "refused" : used > HIGH_USAGE_PERCENT ? "warning" : "ok",
    availableBytes,
    requiredBytes,
    headroomBytes,
    neededBytes,
    shortBytes: refused ? neededBytes - availableBytes : 0,
    usedPercent: used,
  };
}
