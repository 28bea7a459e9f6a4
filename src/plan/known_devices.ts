import type { StartDryLoads } from "../engine/dry_load_process.ts";
import { ENGINE_VERSION } from "../engine/gpu/backends.ts";
import type { GpuBackend } from "../llama_cpp/options.ts";
import { loadModule } from "../load_module.ts";
import type { KnownDevice } from "../machine/devices/known_devices.ts";
import { demoBrainPath } from "./model_path.ts";
import type { ComputingDevice } from "./settings.ts";

/** Which devices are to be tried, and how. */
interface TrialRequest {
  readonly devices: readonly ComputingDevice[];
  /** Tells what starts a program that answers for an engine; without it nothing is tried. */
  readonly start: StartDryLoads | undefined;
  /** Told that a device is tried, which may take a while. */
  readonly say: (line: string) => void;
}

/**
 * Sees to it that a model can think on these devices, before one that matters is loaded: where that
 * isn't known of a device with its driver and this engine, a process of its own tries it with the
 * demo brain. What thought once is remembered.
 *
 * @throws {BrainjarError} `device-unusable`
 */
export async function tryUnknownDevices(
  { devices, start, say }: TrialRequest,
): Promise<void> {
  const backend = devices[0]?.device.backend;
  const command = start?.();
  if (backend === undefined || command === undefined) return;
  const keys = await keysOf(devices.map(({ memory: { name } }) => ({ backend, name })));
  const { keepKnownDevices, knownDevicesPath, readKnownDevices } = await loadKnownDevices();
  const path = knownDevicesPath((name) => Deno.env.get(name));
  const known = readKnownDevices(path);
  if (keys.every((key) => known.get(key)?.thinks)) return;
  const names = devices.map(({ memory: { id, name } }) => `${id} (${name})`).join(", ");
  say(`Trying ${names} with one thought, once for this driver and engine`);
  const { tryDevices } = await loadModule<typeof import("../engine/gpu/trial.ts")>(
    import.meta,
    "../engine/gpu/trial.ts",
  );
  await tryDevices(command, backend, demoBrainPath());
  if (path === undefined) return;
  try {
    keepKnownDevices(path, new Map(keys.map((key): [string, KnownDevice] => [key, THINKS])));
  } catch {
    // It is tried again at the next run.
  }
}

const THINKS: KnownDevice = { thinks: true };

/**
 * Keeps what the open engine was seen to hold on devices before any model.
 *
 * @throws {Error} Where it can't be written.
 */
export async function keepContexts(
  devices: readonly ComputingDevice[],
  measured: readonly {
    readonly id: string;
    readonly isTold: boolean;
    readonly contextBytes?: number;
  }[],
): Promise<void> {
  const { keepKnownDevices, knownDevicesPath } = await loadKnownDevices();
  const path = knownDevicesPath((name) => Deno.env.get(name));
  if (path === undefined) return;
  const found = measured.flatMap(({ id, isTold, contextBytes }) => {
    const one = devices.find(({ memory }) => memory.id === id);
    const isKnown = isTold && one !== undefined && contextBytes !== undefined;
    return isKnown ? [{ one, contextBytes }] : [];
  });
  if (found.length === 0) return;
  const keys = await keysOf(found.map(({ one: { memory: { name }, device: { backend } } }) => ({
    backend,
    name,
  })));
  keepKnownDevices(
    path,
    new Map(found.flatMap(({ contextBytes }, index): [string, KnownDevice][] => {
      const key = keys[index];
      return key === undefined ? [] : [[key, { contextBytes }]];
    })),
  );
}

/** What is known of devices of a backend, in their order: what `measure --save` and trials kept. */
export async function knownDevices(
  devices: readonly { readonly backend: GpuBackend; readonly name: string }[],
): Promise<readonly KnownDevice[]> {
  const { knownDevicesPath, readKnownDevices } = await loadKnownDevices();
  const known = readKnownDevices(knownDevicesPath((name) => Deno.env.get(name)));
  if (known.size === 0) return devices.map(() => ({}));
  return (await keysOf(devices)).map((key) => known.get(key) ?? {});
}

/** The names of devices' facts, with their drivers as they are now. */
async function keysOf(
  devices: readonly { readonly backend: GpuBackend; readonly name: string }[],
): Promise<string[]> {
  const { driverIdentity, knownDeviceKey } = await loadKnownDevices();
  return await Promise.all(
    devices.map((device) =>
      knownDeviceKey({ ...device, engineVersion: ENGINE_VERSION }, driverIdentity(device.backend))
    ),
  );
}

/** Read where there is a device, and then only. */
function loadKnownDevices() {
  return loadModule<typeof import("../machine/devices/known_devices.ts")>(
    import.meta,
    "../machine/devices/known_devices.ts",
  );
}
