import type { Criterion, DeviceFootprint, InstanceDemand, JarFootprint } from "./demand.ts";
import { BrainjarError } from "./error.ts";
import { RAM } from "./pools/pools.ts";

/** The part of a demand that decides how much it needs. */
export type RequiredDemand = Pick<InstanceDemand, "model" | "ramLimitBytes" | "footprint">;

/**
 * The figure a verdict is held against: the working set, or under `floor` the floor, in bytes.
 *
 * @example
 * ```ts
 * import { footprintBytes } from "./required.ts";
 * const shared = { floorBytes: 1, workingSetBytes: 2 };
 * const footprint = { floorBytes: 10, workingSetBytes: 20, shared };
 * if (footprintBytes(footprint, "working-set") !== 20) throw new Error("The default");
 * if (footprintBytes(footprint, "floor") !== 10) throw new Error("--criterion floor");
 * ```
 */
export function footprintBytes(
  footprint: Pick<JarFootprint, "floorBytes" | "workingSetBytes">,
  criterion: Criterion,
): number {
  return criterion === "floor" ? footprint.floorBytes : footprint.workingSetBytes;
}

/**
 * required = max(RAM limit, footprint), the footprint where no limit is given
 * (src/budget/README.md, "Formulas"), in whole bytes.
 *
 * @example
 * ```ts
 * import { requiredBytes } from "./required.ts";
 * const shared = { floorBytes: 0, workingSetBytes: 0 };
 * const demand = { model: "a.gguf", footprint: { floorBytes: 10, workingSetBytes: 20, shared } };
 * if (requiredBytes(demand, "working-set") !== 20) throw new Error("No limit: the footprint");
 * const limited = { ...demand, ramLimitBytes: 50 };
 * if (requiredBytes(limited, "working-set") !== 50) throw new Error("The limit where larger");
 * ```
 */
export function requiredBytes(demand: RequiredDemand, criterion: Criterion): number {
  return Math.ceil(
    Math.max(demand.ramLimitBytes ?? 0, footprintBytes(demand.footprint, criterion)),
  );
}

/**
 * What a jar requires of one pool, in whole bytes: of a device what it needs there, since RAM limits
 * don't count on devices.
 *
 * @example
 * ```ts
 * import { requiredOn } from "./required.ts";
 * const shared = { floorBytes: 0, workingSetBytes: 0 };
 * const devices = [{ id: "cuda:0", bytes: 7, sharedBytes: 5, processBytes: 2 }];
 * const footprint = { floorBytes: 10, workingSetBytes: 20, shared, devices };
 * const demand = { model: "a.gguf", ramLimitBytes: 50, footprint };
 * if (requiredOn("ram", demand, "working-set") !== 50) throw new Error("Its RAM limit");
 * if (requiredOn("cuda:0", demand, "working-set") !== 7) throw new Error("What it needs there");
 * if (requiredOn("cuda:1", demand, "working-set") !== 0) throw new Error("Nothing");
 * ```
 */
export function requiredOn(pool: string, demand: RequiredDemand, criterion: Criterion): number {
  if (pool === RAM) return requiredBytes(demand, criterion);
  return Math.ceil(onDevice(pool, demand.footprint)?.bytes ?? 0);
}

/** What of a jar on one pool a second jar on the same loaded model doesn't need again, in bytes. */
export function sharedOn(pool: string, footprint: JarFootprint, criterion: Criterion): number {
  if (pool === RAM) return footprintBytes(footprint.shared, criterion);
  return onDevice(pool, footprint)?.sharedBytes ?? 0;
}

/** What a jar needs on a device; `undefined` where that is nothing. */
export function onDevice(pool: string, { devices }: JarFootprint): DeviceFootprint | undefined {
  return devices?.find(({ id }) => id === pool);
}

/** Jars that share one loaded model, or a jar alone with its own. */
interface Load {
  /** Needed as long as they are there. */
  readonly lasting: number;
  /** Needed while the model is loaded, before they are all there. */
  readonly loading: number;
  readonly shared: number;
  /** What no other load in this process needs again; 0 where a RAM limit is reserved whole. */
  readonly process: number;
}

/** What one jar needs of a pool, alone in a process of its own; `undefined` where that is nothing. */
function loadOf(pool: string, demand: RequiredDemand, criterion: Criterion): Load | undefined {
  const { footprint, ramLimitBytes = 0 } = demand;
  if (pool !== RAM) {
    const device = onDevice(pool, footprint);
    return device && {
      lasting: Math.ceil(device.bytes),
      loading: 0,
      shared: Math.floor(device.sharedBytes),
      process: Math.floor(device.processBytes),
    };
  }
  const { shared, loading } = footprint;
  const mapped = criterion === "floor" ? 0 : shared.workingSetBytes - shared.floorBytes;
  const needed = loading === undefined
    ? footprintBytes(footprint, criterion)
    : loading.lastingBytes + mapped;
  const program = criterion === "floor" ? 0 : loading?.programBytes ?? 0;
  return {
    lasting: Math.ceil(Math.max(ramLimitBytes, needed)),
    loading: Math.ceil(loading?.bytes ?? 0),
    shared: Math.floor(footprintBytes(shared, criterion)),
    process: ramLimitBytes > needed ? 0 : Math.floor((loading?.processBytes ?? 0) + program),
  };
}

/** The same load with one more jar on it. */
function joined(load: Load | undefined, jar: Load): Load {
  if (load === undefined) return jar;
  return {
    lasting: load.lasting + jar.lasting - Math.min(load.shared, jar.shared),
    loading: Math.max(load.loading, jar.loading),
    shared: Math.max(load.shared, jar.shared),
    process: Math.min(load.process, jar.process),
  };
}

/** What these loads need together: all that lasts, the process once, and one load at a time. */
function together(loads: readonly Load[]): number {
  let bytes = 0;
  let passing = 0;
  let process = 0;
  let processes = 0;
  for (const load of loads) {
    bytes += load.lasting;
    passing = Math.max(passing, load.loading - load.lasting);
    process = Math.max(process, load.process);
    processes += load.process;
  }
  return bytes + passing - (processes - process);
}

/**
 * What each of these jars adds to the ones before it in one pool, in bytes: its required memory, less
 * the weights that a jar before it on the same model already counts, less the process that runs
 * them all, and less what is needed only while a model is loaded, since models are loaded one after
 * another. They sum to what all need together, and that sum is the same in any order.
 *
 * @example
 * ```ts
 * import { addedBytes } from "./required.ts";
 * const footprint = {
 *   floorBytes: 10,
 *   workingSetBytes: 20,
 *   shared: { floorBytes: 5, workingSetBytes: 15 },
 * };
 * const jars = [{ model: "a.gguf", footprint }, { model: "a.gguf", footprint }];
 * const [first, second] = addedBytes(jars, { criterion: "working-set", shareWeights: true });
 * if (first !== 20 || second !== 5) throw new Error("The second adds its context alone");
 * ```
 */
export function addedBytes(
  demands: readonly RequiredDemand[],
  policy: { readonly criterion: Criterion; readonly shareWeights: boolean },
  pool: string = RAM,
): number[] {
  const loads = new Map<string | number, Load>();
  let before = 0;
  return demands.map((demand, index) => {
    const key = policy.shareWeights ? demand.model : index;
    const load = loadOf(pool, demand, policy.criterion);
    if (load === undefined) return 0;
    loads.set(key, joined(loads.get(key), load));
    const all = together([...loads.values()]);
    const added = all - before;
    before = all;
    return added;
  });
}

/**
 * Whether a RAM limit can be one: a positive finite number of bytes.
 *
 * @example
 * ```ts
 * import { isLimit } from "./required.ts";
 * if (isLimit(0) || isLimit(NaN) || !isLimit(1)) throw new Error("Positive and finite");
 * ```
 */
export function isLimit(bytes: number): boolean {
  return Number.isFinite(bytes) && bytes > 0;
}

/**
 * Throws where a RAM limit was given and isn't one.
 *
 * @param owner Whose limit it is, for the sentence.
 * @throws {BrainjarError} `invalid-ram-limit`.
 *
 * @example
 * ```ts
 * import { checkLimit } from "./required.ts";
 * checkLimit("god", undefined);
 * checkLimit("god", 8 * 1024 ** 3);
 * ```
 */
export function checkLimit(owner: string, bytes: number | undefined): void {
  if (bytes === undefined || isLimit(bytes)) return;
  throw new BrainjarError(
    "invalid-ram-limit",
    `RAM limit of '${owner}' must be more than zero: '${bytes}'`,
    { hint: "Give a size, such as 8.0, or none: then its footprint is required" },
  );
}

/**
 * Throws where a footprint isn't one: a NaN would pass every comparison.
 *
 * @throws {BrainjarError} `invalid-footprint`.
 *
 * @example
 * ```ts
 * import { checkFootprint } from "./required.ts";
 * const shared = { floorBytes: 0, workingSetBytes: 0 };
 * checkFootprint("god", { floorBytes: 1, workingSetBytes: 2, shared });
 * ```
 */
export function checkFootprint(id: string, footprint: JarFootprint): void {
  const { floorBytes, workingSetBytes, shared } = footprint;
  const sane = Number.isFinite(workingSetBytes) &&
    shared.floorBytes >= 0 && shared.workingSetBytes >= 0 &&
    floorBytes >= shared.floorBytes && workingSetBytes >= shared.workingSetBytes &&
    workingSetBytes >= floorBytes;
  if (!sane) {
    throw new BrainjarError(
      "invalid-footprint",
      `Footprint of '${id}' is not one: floor ${floorBytes}, working set ${workingSetBytes}, ` +
        `shared ${shared.floorBytes} and ${shared.workingSetBytes}`,
      { hint: "Floor ≤ working set, shared parts ≤ their whole, all finite and not negative" },
    );
  }
  const seen = new Set<string>([RAM]);
  for (const device of footprint.devices ?? []) {
    checkDevice(id, device, seen);
    seen.add(device.id);
  }
}

function checkDevice(
  id: string,
  { id: pool, bytes, sharedBytes, processBytes, thinkingBytes = 0 }: DeviceFootprint,
  seen: ReadonlySet<string>,
): void {
  const sane = Number.isFinite(bytes) && bytes >= sharedBytes && sharedBytes >= processBytes &&
    processBytes >= 0 && thinkingBytes >= 0 && thinkingBytes <= bytes && !seen.has(pool);
  if (sane) return;
  throw new BrainjarError(
    "invalid-footprint",
    `Footprint of '${id}' on '${pool}' is not one: ${bytes} bytes, shared ${sharedBytes}, of the ` +
      `process ${processBytes}, while thinking ${thinkingBytes}`,
    { hint: "Process ≤ shared ≤ all of it, all finite and not negative, each device once" },
  );
}
