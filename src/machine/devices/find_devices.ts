import { loadModule } from "../../load_module.ts";
import { mayHaveDevices } from "./presence.ts";
import type { DeviceOptions } from "./read_devices.ts";
import { type DevicesRead, NO_DEVICES } from "./reading.ts";

/**
 * The devices of a machine, as `readDevices` has them; where there is no sign of any, that is told
 * without loading what reads them.
 *
 * @example
 * ```ts
 * import { findDevices } from "./find_devices.ts";
 * const { devices } = await findDevices({ root: "/no/such/machine" });
 * if (devices.length > 0) throw new Error("There is nothing at all");
 * ```
 */
export async function findDevices(options: DeviceOptions = {}): Promise<DevicesRead> {
  if (!mayHaveDevices(options.root)) return NO_DEVICES;
  const { readDevices } = await loadModule<typeof import("./read_devices.ts")>(
    import.meta,
    "./read_devices.ts",
  );
  return await readDevices(options);
}
