import type { MachineMemory, MemoryLeftOut, MemoryWarning } from "../../budget/memory.ts";
import type { Device } from "../../llama_cpp/options.ts";
import { mayHaveDevices } from "../../machine/devices/presence.ts";
import type { ComputingDevice, GpuChoice, OtherMachine } from "../settings.ts";

/** The devices that compute, and what is to be said of them. */
export interface FoundDevices {
  /** In the engine's order. */
  readonly devices: readonly ComputingDevice[];
  /** Devices that are here and don't compute, and why. */
  readonly leftOut: readonly MemoryLeftOut[];
  readonly warnings: readonly MemoryWarning[];
  /** What this process must have in its environment before the engine is opened. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Where the CPU computes alone. */
export const NO_DEVICES: FoundDevices = { devices: [], leftOut: [], warnings: [] };

/** The warning of devices that nobody asked for and that can't be used: the CPU computes alone. */
export const LEFT_ALONE = "devices-left-alone";

/** What the engine can't be opened with here, by the codes of its errors. */
export const NOT_HERE: readonly string[] = [
  "backend-not-here",
  "gpu-library-missing",
  "engine-variant-absent",
  "no-device",
];

/** How devices are named in a sentence. */
export function namesOf({ devices }: Pick<FoundDevices, "devices">): string {
  return devices.map(({ memory: { id } }) => id).join(" and ");
}

/** Whether devices that are looked for may be found; what looks for them is loaded only then. */
export function mayFindDevices(
  choice: GpuChoice,
  machine: OtherMachine | undefined,
): choice is Exclude<GpuChoice, "off"> {
  if (choice !== "auto") return choice !== "off";
  return machine === undefined ? mayHaveDevices() : machine.devices !== undefined;
}

/** A machine's memory with its devices, where there are any. */
export function withDevices(
  memory: MachineMemory,
  { devices, leftOut, warnings }: FoundDevices,
): MachineMemory {
  return {
    ...memory,
    ...devices.length > 0 && { devices: devices.map((one) => one.memory) },
    ...leftOut.length > 0 && { leftOut: [...memory.leftOut ?? [], ...leftOut] },
    warnings: [...memory.warnings, ...warnings],
  };
}

/** A machine's memory whose devices are left alone, and why. */
export function withoutDevices(memory: MachineMemory, message: string): MachineMemory {
  const { devices: _, ...rest } = memory;
  return { ...rest, warnings: [...rest.warnings, { code: LEFT_ALONE, message }] };
}

/** The devices of a memory that was read, as llama.cpp finds them before anything is loaded. */
export function devicesOf(
  memory: MachineMemory,
  known: readonly ComputingDevice[],
): readonly Device[] {
  return (memory.devices ?? []).flatMap(({ id, availableBytes, reservedBytes }) => {
    const device = known.find(({ device }) => device.id === id)?.device;
    // What others have reserved and not filled is free to llama.cpp.
    return device === undefined ? [] : [{ ...device, freeBytes: availableBytes + reservedBytes }];
  });
}
