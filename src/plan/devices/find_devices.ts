import { defined } from "../../budget/defined.ts";
import { BrainjarError } from "../../budget/error.ts";
import { installedBackends } from "../../engine/gpu/backends.ts";
import type { Engine } from "../../engine/engine.ts";
import type { EngineDevice } from "../../engine/gpu/engine_devices.ts";
import type { GpuBackend } from "../../llama_cpp/options.ts";
import {
  type CudaRuntime,
  cudaRuntime,
  LEAST_COMPUTE_CAPABILITY,
  missingLibrary,
} from "../../engine/gpu/system_libraries.ts";
import { checkBuildComes } from "../../engine/open.ts";
import { loadModule } from "../../load_module.ts";
import { HIDDEN } from "../../machine/devices/cuda.ts";
import type { DevicesRead } from "../../machine/devices/reading.ts";
import { type FoundDevices, LEFT_ALONE, namesOf, NO_DEVICES, NOT_HERE } from "./devices.ts";
import { knownDevices } from "./known_devices.ts";
import type { ComputingDevice, GpuChoice, OtherMachine } from "../settings.ts";

/**
 * The devices that compute for what was asked: those of the machine that was described, or of this
 * one. `auto` takes those that the installed engine drives, and none where it drives none.
 *
 * Devices that were found before keep their numbers, whatever became of the others: the engine
 * numbers them once, when it is opened.
 *
 * @param engine asked for a kind of device that nothing else here tells of; nobody where it is absent
 * @param before what was found first, where devices are looked at again
 * @throws {BrainjarError} `no-gpu` where a kind was asked for and there is none; `conflicting-flags`
 * where the machine that was described has another kind.
 */
export async function findDevices(
  choice: Exclude<GpuChoice, "off">,
  machine: OtherMachine | undefined,
  engine?: Pick<Engine, "devices">,
  before: readonly ComputingDevice[] = [],
): Promise<FoundDevices> {
  if (machine !== undefined) return devicesOfMachine(choice, machine);
  const [first] = before;
  if (first !== undefined) {
    // What this process has filled is asked only now: at first it is nothing.
    const read = await readHere(first.device.backend, [Deno.pid]);
    // What no driver told of, the engine did, which alone knows alignments.
    const isEngines = first.device.alignment !== undefined && engine !== undefined;
    return asBefore(isEngines ? await mergedWith(read, await engine.devices()) : read, before);
  }
  if (choice === "auto") return await findAny();
  const read = await readHere(choice);
  const isKept = choice === "cuda" && read.devices.length === 0 && read.leftOut.length > 0;
  // What the engine would be asked for is there, and isn't for it.
  if (isKept) throw noDevice(choice, read.leftOut.map(({ name, reason }) => `${name}: ${reason}`));
  // An estimate is made of what couldn't be computed here, too.
  const isToCompute = read.devices.length > 0 && engine !== undefined;
  if (isToCompute && !installedBackends().includes(choice)) await checkBuildComes(choice);
  const missing = isToCompute ? missingLibrary(choice) : undefined;
  if (missing !== undefined) throw noDevice(choice, [missing.message, missing.hint ?? ""], missing);
  const found = read.devices.length > 0 || engine === undefined
    ? await toFound(read)
    : await toFound(await mergedWith(read, await devicesOfEngine(choice, engine)));
  if (found.devices.length === 0) throw noDevice(choice, found.warnings.map((one) => one.message));
  return found;
}

/**
 * Devices by the numbers that they had; those that weren't there then aren't the engine's.
 *
 * @param before as they were found first
 */
export function asBefore(
  { devices: now, ...rest }: DevicesRead,
  before: readonly ComputingDevice[],
): FoundDevices {
  const devices = before.flatMap(({ memory: { id, identity }, device }): ComputingDevice[] => {
    const memory = now.find((one) => isSame(one, { id, identity }));
    if (memory === undefined) return [];
    const { availableBytes, reservedBytes } = memory;
    return [{
      memory: { ...memory, id },
      device: { ...device, freeBytes: availableBytes + reservedBytes },
    }];
  });
  return { ...rest, devices };
}

/** By what they are, where their driver tells that; else by their numbers. */
function isSame(one: Named, other: Named): boolean {
  return one.identity === undefined && other.identity === undefined
    ? one.id === other.id
    : one.identity === other.identity;
}

/** What a device is told by. */
interface Named {
  readonly id: string;
  readonly identity?: string | undefined;
}

async function devicesOfEngine(choice: GpuBackend, engine: Pick<Engine, "devices">) {
  try {
    return await engine.devices();
  } catch (error) {
    if (!(error instanceof BrainjarError) || !NOT_HERE.includes(error.code)) throw error;
    // Whether there is one nobody knows.
    if (error.code === "engine-variant-absent") throw error;
    throw noDevice(choice, [error.message, error.hint ?? ""], error);
  }
}

/**
 * Of the kinds that the installed engine drives, the first that there is a device of. What can't
 * compute here is left alone, with a warning; what its owner hides from CUDA isn't used by another way.
 */
async function findAny(): Promise<FoundDevices> {
  const backends = installedBackends();
  let found = NO_DEVICES;
  for (const backend of backends) {
    const read = await toFound(await readHere(backend));
    const unusable = read.devices.length === 0 ? undefined : await whyUnusable(backend, read);
    // A driver that fails fails for each of them.
    const told = new Set(found.warnings.map((one) => one.message));
    const news = read.warnings.filter((one) => !told.has(one.message));
    const warnings = [...found.warnings, ...news];
    if (unusable !== undefined) {
      const message = `${namesOf(read)} is left alone: ${unusable}`;
      found = { ...NO_DEVICES, warnings: [...warnings, { code: LEFT_ALONE, message }] };
      continue;
    }
    found = { ...read, warnings };
    if (found.devices.length > 0 || found.leftOut.some(({ reason }) => reason === HIDDEN)) break;
  }
  return found;
}

/** Why the engine can't compute on what was found, where that is known without opening it. */
async function whyUnusable(
  backend: GpuBackend,
  { devices }: FoundDevices,
): Promise<string | undefined> {
  const missing = missingLibrary(backend);
  if (missing !== undefined) return `${missing.message}. ${missing.hint}`;
  const known = await knownDevices(
    devices.map(({ memory: { name } }) => ({ backend, name })),
  );
  return known.some(({ thinks }) => thinks === false)
    ? `it failed to think one word before; --gpu ${backend} tries it again`
    : undefined;
}

/** Looked for once: devices are looked at every second. */
let runtime: CudaRuntime | undefined;

async function readHere(
  backend: GpuBackend,
  holders: false | readonly number[] = false,
): Promise<DevicesRead> {
  const { readDevices } = await loadModule<typeof import("../../machine/devices/read_devices.ts")>(
    import.meta,
    "../../machine/devices/read_devices.ts",
  );
  if (backend === "cuda") runtime ??= cudaRuntime();
  const leastComputeCapability = runtime && LEAST_COMPUTE_CAPABILITY[runtime];
  return await readDevices({ backend, holders, ...defined({ leastComputeCapability }) });
}

/** Devices that no driver told of, by the open engine's own list. */
async function mergedWith(
  read: DevicesRead,
  engine: readonly EngineDevice[],
): Promise<DevicesRead> {
  const { mergeEngineDevices } = await loadModule<
    typeof import("../../machine/devices/engine_devices.ts")
  >(import.meta, "../../machine/devices/engine_devices.ts");
  return mergeEngineDevices(read, engine);
}

async function toFound(
  { devices, leftOut, warnings, environment }: DevicesRead,
): Promise<FoundDevices> {
  const { deviceOf } = await loadModule<typeof import("../../machine/devices/reading.ts")>(
    import.meta,
    "../../machine/devices/reading.ts",
  );
  const known = devices.length === 0 ? [] : await knownDevices(devices);
  return {
    devices: devices.map((memory, index) => {
      // What `measure --save` saw there.
      const contextBytes = known[index]?.contextBytes;
      return { memory, device: { ...deviceOf(memory), ...defined({ contextBytes }) } };
    }),
    leftOut,
    warnings,
    ...defined({ environment }),
  };
}

function devicesOfMachine(choice: GpuChoice, { name, devices = [] }: OtherMachine): FoundDevices {
  const [first] = devices;
  if (choice === "auto" || first?.device.backend === choice) return { ...NO_DEVICES, devices };
  if (first === undefined) throw noDevice(choice, [`The machine of ${name} has none`]);
  throw new BrainjarError(
    "conflicting-flags",
    `The machine of ${name} has ${first.device.backend} devices, and --gpu asks for "${choice}"`,
    { hint: `Leave --gpu out, or describe ${choice} devices with --devices ${choice}=24GB` },
  );
}

function noDevice(
  backend: GpuChoice,
  why: readonly string[],
  cause?: BrainjarError,
): BrainjarError {
  const told = why.filter((one) => one !== "").map((one) => `${one}. `).join("");
  return new BrainjarError("no-gpu", `No ${backend} device is found`, {
    hint: `${told}Leave --gpu out to compute on the CPU; ` +
      `check and estimate answer for a machine that has one: --devices ${backend}=24GB`,
    cause,
  });
}
