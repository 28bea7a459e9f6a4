import type { StartDryLoads } from "../engine/dry_load_process.ts";
import { ENGINE_VERSION } from "../engine/gpu/backends.ts";
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
  const { driverIdentity, keepKnownDevices, knownDeviceKey, knownDevicesPath, readKnownDevices } =
    await loadModule<typeof import("../machine/devices/known_devices.ts")>(
      import.meta,
      "../machine/devices/known_devices.ts",
    );
  const path = knownDevicesPath((name) => Deno.env.get(name));
  const driver = driverIdentity(backend);
  const keys = await Promise.all(
    devices.map(({ memory: { name } }) =>
      knownDeviceKey({ backend, name, engineVersion: ENGINE_VERSION }, driver)
    ),
  );
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
