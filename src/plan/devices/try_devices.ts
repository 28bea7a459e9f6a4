import { defined } from "../../budget/defined.ts";
import { BrainjarError } from "../../budget/error.ts";
import type { Policy } from "../../budget/policy.ts";
import type { StartDryLoads } from "../../engine/dry_load_process.ts";
import { loadModule } from "../../load_module.ts";
import { adviseOn } from "../advise.ts";
import { namesOf, NOT_HERE, withoutDevices } from "./devices.ts";
import type { Host } from "../host.ts";
import { haveThought, keepThinking } from "./known_devices.ts";
import { demoBrainPath } from "../model_path.ts";
import { type Plan, planOn } from "../plan.ts";
import { reserveOn } from "../reserve.ts";
import {
  completeSettings,
  type ComputingDevice,
  type GpuChoice,
  type Settings,
} from "../settings.ts";

/** Which devices are to be tried, and how. */
interface TrialRequest {
  readonly devices: readonly ComputingDevice[];
  /** Tells what starts a program that answers for an engine; without it nothing is tried. */
  readonly start: StartDryLoads | undefined;
  /** Told that a device is tried, which may take a while. */
  readonly say: (line: string) => void;
  /** What the run that follows is held to. */
  readonly policy?: Policy;
}

/** What a trial's room is kept for at most: a driver that compiles every kernel takes a minute. */
const TRIAL_SECONDS = 180;

/** How long room is waited for: another process's trial passes. */
const PATIENCE_MILLISECONDS = 90_000;

const LOOK_EVERY_MILLISECONDS = 500;

/**
 * Sees to it that a model can think on these devices, before one that matters is loaded: where that
 * isn't known of a device with its driver and this engine, a process of its own tries it with the
 * demo brain. What thought once is remembered, and so is what failed for a reason that stays.
 *
 * A trial takes memory there as a jar does, the backend's context above all, so it is reserved: what
 * others were let in with stays theirs, and of several processes that start at once one tries.
 *
 * @throws {BrainjarError} `device-unusable`; `no-room-to-try` where others have reserved it all
 */
export async function tryUnknownDevices(host: Host, request: TrialRequest): Promise<void> {
  const { devices, start, say } = request;
  const backend = devices[0]?.device.backend;
  const command = start?.();
  if (backend === undefined || command === undefined) return;
  const names = devices.map(({ memory: { id, name } }) => `${id} (${name})`).join(", ");
  const { tryDevices } = await loadModule<typeof import("../../engine/gpu/trial.ts")>(
    import.meta,
    "../../engine/gpu/trial.ts",
  );
  const deadline = performance.now() + PATIENCE_MILLISECONDS;
  for (let isFirst = true; !await haveThought(devices); isFirst = false) {
    const token = await reserveTrial(host, backend, request.policy);
    if (token === undefined) {
      if (performance.now() > deadline) throw noRoom(names);
      if (isFirst) say(`Waiting for room to try ${names}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MILLISECONDS));
      continue;
    }
    try {
      // Another process may have tried them meanwhile.
      if (await haveThought(devices)) return;
      say(`Trying ${names} with one thought, once for this driver and engine`);
      await tryDevices(command, backend, demoBrainPath());
      await keepThinking(devices, true);
      return;
    } catch (error) {
      if (staysSo(error)) await keepThinking(devices, false);
      throw error;
    } finally {
      await (await host.openLedger())?.releaseToken(token);
    }
  }
}

/**
 * A plan, with advice, for a run on this machine: where it computes on devices that nobody knows to
 * work, they are tried first. Those that fail are left alone where nobody asked for them
 * (`--gpu auto`), and the CPU computes alone, if the jars fit so.
 *
 * @throws {BrainjarError} `device-unusable`, or why the engine can't be opened for devices, where
 * they were asked for; and what `planOn` throws.
 */
export async function planForRun(
  host: Host,
  settings: Settings,
  trials: Pick<TrialRequest, "start" | "say">,
): Promise<Plan> {
  const memory = await host.readMemory();
  const plan = await adviseOn(host, await planOn(host, settings, memory));
  if (plan.settings.gpu === "off") host.leaveDevices();
  const computes = plan.jars.some(({ options }) => options.offload !== undefined);
  if (!plan.validation.ok || !computes) return plan;
  const found = await host.findDevices();
  try {
    await tryUnknownDevices(host, { ...trials, devices: found.devices, policy: settings.policy });
    return plan;
  } catch (error) {
    const isTheirs = error instanceof BrainjarError &&
      [...NOT_HERE, "device-unusable", "no-room-to-try"].includes(error.code);
    if (settings.gpu !== "auto" || !isTheirs) throw error;
    host.leaveDevices();
    const why = [error.message, error.hint ?? ""].filter((text) => text !== "").join(". ");
    const alone = withoutDevices(memory, `${namesOf(found)} is left alone: ${why}`);
    return await adviseOn(host, await planOn(host, { ...settings, gpu: "off" }, alone));
  }
}

/** Keeps room for a trial; nothing where there is none now. */
async function reserveTrial(
  host: Host,
  gpu: GpuChoice,
  policy: Policy | undefined,
): Promise<string | undefined> {
  const context = { contextSize: 256, batchSize: 256, gpuLayers: "all" } as const;
  const settings = completeSettings({
    jars: [{ id: "trial", model: demoBrainPath(), context }],
    gpu,
    ...defined({ policy }),
  });
  const plan = await planOn(host, settings, await host.readMemory());
  const { reservation } = await reserveOn(host, plan, TRIAL_SECONDS);
  return reservation?.token;
}

/** Whether it will fail again; memory that was short is there another time. */
function staysSo(error: unknown): boolean {
  return error instanceof BrainjarError && error.code === "device-unusable" &&
    !/memory/i.test(error.hint ?? "");
}

function noRoom(names: string): BrainjarError {
  return new BrainjarError("no-room-to-try", `There is no room to try ${names} with one thought`, {
    hint:
      "Others have reserved or filled it: see brainjar memory, and try again when they are done",
    kind: "refused",
  });
}
