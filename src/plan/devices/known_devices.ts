import { ENGINE_VERSION } from "../../engine/gpu/backends.ts";
import type { GpuBackend } from "../../llama_cpp/options.ts";
import { loadModule } from "../../load_module.ts";
import type { KnownDevice } from "../../machine/devices/known_devices.ts";
import type { ComputingDevice } from "../settings.ts";

/** Whether all of these devices were seen to think, with their drivers as they are now. */
export async function haveThought(devices: readonly ComputingDevice[]): Promise<boolean> {
  const { knownDevicesPath, readKnownDevices } = await loadKnownDevices();
  const known = readKnownDevices(knownDevicesPath((name) => Deno.env.get(name)));
  const keys = await keysOf(devices.map(nameOf));
  return keys.every((key) => known.get(key)?.thinks);
}

/**
 * Remembers whether a model could think on these devices; where that can't be written they are tried
 * again. `--gpu auto` leaves alone what couldn't.
 */
export async function keepThinking(
  devices: readonly ComputingDevice[],
  thinks: boolean,
): Promise<void> {
  const { keepKnownDevices, knownDevicesPath } = await loadKnownDevices();
  const path = knownDevicesPath((name) => Deno.env.get(name));
  if (path === undefined) return;
  const keys = await keysOf(devices.map(nameOf));
  try {
    keepKnownDevices(path, new Map(keys.map((key): [string, KnownDevice] => [key, { thinks }])));
  } catch {
    // The next run tries them again.
  }
}

function nameOf({ memory: { name }, device: { backend } }: ComputingDevice) {
  return { backend, name };
}

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
  return loadModule<typeof import("../../machine/devices/known_devices.ts")>(
    import.meta,
    "../../machine/devices/known_devices.ts",
  );
}
