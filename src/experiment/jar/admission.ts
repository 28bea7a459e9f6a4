import type { FootprintOptions } from "../../llama_cpp/options.ts";
import { defined } from "../../budget/defined.ts";
import type { InstanceDemand, JarFootprint } from "../../budget/demand.ts";
import { BrainjarError, lineOf } from "../../budget/error.ts";
import { footprintBytes, requiredBytes } from "../../budget/required.ts";
import { formatAmount } from "../../budget/size.ts";
import type { Mind } from "../../engine/engine.ts";
import type { JarConfig } from "../config.ts";
import type { Aborted, Figures, Refusal } from "./entrance.ts";
import type { ModelReference } from "./model_pool.ts";
import { freedInTime } from "../freed_in_time.ts";
import { shortness } from "../memory/judge_memory.ts";
import { filledByThinking, foundOnDevices, seeMemory, unfilledOn } from "../memory/on_devices.ts";
import { renewNow } from "../memory/renew_reservations.ts";
import { allocate, deallocate } from "../memory/reservations.ts";
import { type Outcome, withWatchdog } from "./watchdog.ts";
import type { RunState } from "../run_state.ts";

/** The same, and what only its process knows. */
interface Approval extends Figures {
  /** What of this process the jar counts as its own and found in memory, in bytes. */
  readonly processBytes: number;
}

/** What became of a jar that asked to be let in. */
export type Admission =
  | {
    readonly kind: "admitted";
    readonly approval: Approval;
    readonly mind: Mind;
    readonly model: ModelReference;
    readonly shared: boolean;
    readonly milliseconds: number;
  }
  | Refusal
  | Aborted;

/**
 * Takes a jar through layer 2, layer 3, the load of its model and the making of its context
 * (src/budget/README.md, "Layer 2", "Layer 3"). Never rejects. Whatever isn't `admitted` has given back all
 * that it took.
 *
 * @param kept The model that the jar has kept over its death.
 * @param onApproved Called when both layers let it in, before anything is loaded.
 */
export async function admit(
  jar: JarConfig,
  run: RunState,
  kept: ModelReference | undefined,
  onApproved: (approval: Approval) => void = () => {},
): Promise<Admission> {
  const admission = await approve(jar, run, kept).catch((error): Refusal | Aborted =>
    run.stop.aborted
      ? { kind: "aborted", rest: Promise.resolve() }
      : refusalFor(error, "memory-unreadable", "Available memory can't be read")
  );
  if ("kind" in admission) return admission;
  onApproved(admission);
  const { id } = jar.demand;
  const loaded = await load(jar, run, kept, admission);
  if (loaded.kind === "admitted") return { ...loaded, approval: admission };
  await deallocate(run, id);
  return loaded;
}

async function approve(
  { demand, options }: JarConfig,
  run: RunState,
  kept: ModelReference | undefined,
): Promise<Approval | Refusal> {
  const { id, model, footprint } = demand;
  const { manager, models, ledger } = run;
  const overLimit = overLimitRefusal(demand, run);
  if (overLimit) return overLimit;
  const isLoaded = kept !== undefined || models.has(model, gpuLayersOf(options));
  const processBytes = isLoaded ? 0 : await residentProcessBytes(demand.footprint, run);
  const allocation = await allocate(run, id, demand.ramLimitBytes, {
    path: model,
    footprint,
    residentBytes: isLoaded ? footprint.shared.floorBytes : processBytes,
    residentOn: foundOnDevices(footprint, run, isLoaded),
    isLoaded,
  });
  if (!allocation.ok) {
    return {
      kind: "refused",
      code: "allocation-refused",
      message: `Layer 2 refused '${id}': ${allocation.reason}` +
        ("pool" in allocation ? ` on ${allocation.pool}` : ""),
      blame: "refused",
      allocation,
    };
  }
  try {
    // Read again: layer 3 is about the moment before the load.
    seeMemory(run, await ledger.readMemory());
    const preflight = manager.checkBeforeLoad(id);
    const short = shortDevice(footprint, run);
    if (preflight?.ok && short === undefined) return { allocation, preflight, processBytes };
    await deallocate(run, id);
    if (preflight?.ok) {
      const message = `The watch would kill '${id}' at once: ${short}`;
      return { kind: "refused", code: "available-memory", message, blame: "refused" };
    }
    return {
      kind: "refused",
      code: "load-refused",
      message: `Layer 3 refused '${id}': insufficient memory for the load of its model`,
      blame: "refused",
      ...defined({ preflight }),
    };
  } catch (error) {
    await deallocate(run, id);
    throw error;
  }
}

/**
 * Why the watch would kill a jar that layers 2 and 3 let in, if it would: on a device no headroom
 * keeps it from being loaded, killed and loaded again (layer 1, rule 4).
 */
function shortDevice({ devices = [] }: JarFootprint, run: RunState): string | undefined {
  const there = run.memory.current.devices?.filter((one) =>
    devices.some(({ id }) => id === one.id)
  );
  return there?.map((device) => shortness(device, unfilledOn(run))).find((text) => text);
}

/** A limit limits: a jar that needs more than its own isn't let in (layer 1, rule 3). */
function overLimitRefusal(demand: InstanceDemand, run: RunState): Refusal | undefined {
  const { id, ramLimitBytes = Infinity } = demand;
  const needed = footprintBytes(demand.footprint, run.policy.criterion);
  if (needed <= ramLimitBytes) return undefined;
  const message = `Instance '${id}' needs ${formatAmount(needed)} but its RAM limit is ` +
    formatAmount(ramLimitBytes);
  return { kind: "refused", code: "over-limit", message, blame: "refused" };
}

/**
 * What of a jar's footprint is there before anything is loaded: this process itself, as far as no
 * other jar counts it. It counts whole, as it does for layer 1, and with what the kernel keeps for
 * it, which is missing from what is available and would be asked for again.
 */
async function residentProcessBytes(footprint: JarFootprint, run: RunState): Promise<number> {
  if (run.manager.reservedBytes > 0) return 0;
  const own = await run.memory.ownAnonymousBytes();
  return own === undefined ? 0 : own + (footprint.loading?.kernelBytes ?? 0);
}

function gpuLayersOf({ offload }: FootprintOptions): number {
  return offload?.gpuLayers ?? 0;
}

type Loaded = Omit<Extract<Admission, { kind: "admitted" }>, "approval">;

async function load(
  { demand, options, files = [], sparse = [] }: JarConfig,
  run: RunState,
  kept: ModelReference | undefined,
  { allocation: { allocatedBytes }, processBytes }: Approval,
): Promise<Loaded | Exclude<Admission, { kind: "admitted" }>> {
  const { clock, limits, memory, models, stop } = run;
  const began = clock.now();
  const before = await memory.ownAnonymousBytes();
  const watchdog = { clock, limits, signal: stop };

  const gpuLayers = gpuLayersOf(options);
  const shared = kept !== undefined || models.has(demand.model, gpuLayers);
  const acquired: Outcome<ModelReference> = kept
    ? { kind: "done", value: kept }
    : await withWatchdog(
      (signal, onProgress) => {
        const { mmap } = options;
        const { promptFormat } = run;
        const loading = { mmap, gpuLayers, promptFormat, files, sparse, signal, onProgress };
        return models.acquire(demand.model, loading);
      },
      { ...watchdog, discard: (reference) => reference.release() },
    );
  if (acquired.kind !== "done") {
    if (acquired.kind !== "failed" && !acquired.settled) models.forget(demand.model, gpuLayers);
    return notLoaded(acquired, "model-load-failed", `Model load failed: ${demand.model}`);
  }

  const reference = acquired.value;
  const made = await withWatchdog(
    (signal) => reference.model.createMind(options, signal),
    { ...watchdog, discard: (mind) => mind.dispose() },
  );
  if (made.kind !== "done") {
    // A context that is still being made needs its model.
    if (made.kind !== "failed") reference.until(made.rest);
    const rest = reference.release().catch(() => {});
    if (made.kind === "failed") await freedInTime(rest, run);
    return notLoaded(
      made.kind === "failed" ? made : { ...made, rest },
      "context-failed",
      `Context of ${options.contextSize} tokens failed: ${demand.model}`,
    );
  }

  const after = await memory.ownAnonymousBytes();
  const grownBy = before === undefined || after === undefined ? 0 : Math.max(0, after - before);
  const residentBytes = grownBy +
    (shared ? inheritedBytes(demand, allocatedBytes, run) : processBytes);
  run.manager.markResident(demand.id, residentBytes);
  await markLoadedOnDevices(demand, run);
  return {
    kind: "admitted",
    mind: made.value,
    model: reference,
    shared,
    milliseconds: clock.now() - began,
  };
}

/** What a jar has filled on devices, also for other processes: their driver may not tell. */
async function markLoadedOnDevices(
  { id, footprint }: InstanceDemand,
  run: RunState,
): Promise<void> {
  if (footprint.devices === undefined) return;
  for (const device of footprint.devices) run.usedDevices.add(device.id);
  run.manager.markOnDevices(id, filledByThinking(footprint));
  await renewNow(run);
}

/** Weights that were in memory before this jar and that no living jar counts as its own. */
function inheritedBytes(demand: InstanceDemand, allocatedBytes: number, run: RunState): number {
  const { criterion } = run.policy;
  const { shared } = demand.footprint;
  const alone = requiredBytes(demand, criterion) - footprintBytes(shared, criterion);
  return Math.min(shared.floorBytes, Math.max(0, allocatedBytes - alone));
}

function notLoaded(
  outcome: Exclude<Outcome<unknown>, { kind: "done" }>,
  code: string,
  message: string,
): Exclude<Admission, { kind: "admitted" }> {
  if (outcome.kind === "aborted") return { kind: "aborted", rest: outcome.rest };
  if (outcome.kind === "stalled") {
    return { kind: "refused", code: "engine-stalled", message, hint: STALLED, blame: "engine" };
  }
  return refusalFor(outcome.error, code, message);
}

const STALLED = "The engine gave no sign of life; a slow disk or a machine out of memory does that";

/** What an error says of itself, else this code and sentence. */
function refusalFor(error: unknown, code: string, message: string): Refusal {
  if (error instanceof BrainjarError) {
    const { code, message, hint, kind: blame } = error;
    return { kind: "refused", code, message, ...defined({ hint }), blame };
  }
  return { kind: "refused", code, message, hint: lineOf(error), blame: "engine" };
}
