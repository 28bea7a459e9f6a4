import type {
  DeviceFootprint,
  InstanceDemand,
  JarFootprint,
  Mode,
  Role,
} from "../../src/budget/demand.ts";
import type { DeviceMemory, MachineMemory } from "../../src/budget/memory.ts";
import { DEFAULT_POLICY, type Policy } from "../../src/budget/policy.ts";
import { GB } from "../../src/budget/size.ts";
import { validateMemoryBudget } from "../../src/budget/validate.ts";
import type { Validation } from "../../src/budget/validation.ts";

/** Rounds GB to whole bytes, as every size in brainjar is whole. */
export function gb(amount: number): number {
  return Math.round(amount * GB);
}

/** A machine by its GB; all of it available unless told otherwise. */
export function machine(
  totalGb: number,
  availableGb = totalGb,
  more: Partial<MachineMemory> = {},
): MachineMemory {
  return {
    totalBytes: gb(totalGb),
    availableBytes: gb(availableGb),
    reservedBytes: 0,
    sources: [
      {
        figure: "total",
        name: "MemTotal",
        path: "/proc/meminfo",
        bytes: gb(totalGb),
        decides: true,
      },
      {
        figure: "available",
        name: "MemAvailable",
        path: "/proc/meminfo",
        bytes: gb(availableGb),
        decides: true,
      },
    ],
    warnings: [],
    ...more,
  };
}

/** Figures of RAM, and the same as those of the only pool. */
export function inRam<Figures extends object>(figures: Figures) {
  return { ...figures, pools: [{ id: "ram", ...figures }] };
}

/** Nothing kept free beside the jars: rules 1 and 2 alone. */
export const BARE = { allocationHeadroomBytes: 0, loadHeadroomBytes: 0 };

/** The seed's machine: 85 % of it are 26.55 GB. */
export const SEED_TOTAL_GB = 31.24;

/** A footprint by its GB: floor, working set, and of each the part that is shared. */
export function footprint(
  floorGb: number,
  workingSetGb: number,
  sharedFloorGb = 0,
  sharedWorkingSetGb = sharedFloorGb,
): JarFootprint {
  return {
    floorBytes: gb(floorGb),
    workingSetBytes: gb(workingSetGb),
    shared: { floorBytes: gb(sharedFloorGb), workingSetBytes: gb(sharedWorkingSetGb) },
  };
}

/** 0.8 GB to stay alive, 2 GB at full speed; 0.5 and 1.8 of them shared. */
export const SMALL = footprint(0.8, 2, 0.5, 1.8);

/** The memory of a device by its GB; all of it available unless told otherwise. */
export function device(
  id: string,
  totalGb: number,
  availableGb = totalGb,
  more: Partial<DeviceMemory> = {},
): DeviceMemory {
  return {
    id,
    kind: "device",
    name: `Card ${id}`,
    totalBytes: gb(totalGb),
    availableBytes: gb(availableGb),
    reservedBytes: 0,
    sources: [
      { figure: "total", name: "NVML total", bytes: gb(totalGb), decides: true },
      { figure: "available", name: "NVML free", bytes: gb(availableGb), decides: true },
    ],
    ...more,
  };
}

/** What a jar needs on a device by its GB: all, and of that what is shared and the process's. */
export function onCard(
  id: string,
  allGb: number,
  sharedGb = 0,
  processGb = 0,
): DeviceFootprint {
  return { id, bytes: gb(allGb), sharedBytes: gb(sharedGb), processBytes: gb(processGb) };
}

/** `SMALL`, and something on devices. */
export function offloaded(...devices: readonly DeviceFootprint[]): JarFootprint {
  return { ...SMALL, devices };
}

export interface JarOptions {
  readonly limitGb?: number;
  readonly model?: string;
  readonly role?: Role;
  readonly footprint?: JarFootprint;
}

/** A jar; its role is its id unless told otherwise. */
export function jar(id: string, options: JarOptions = {}): InstanceDemand {
  const roles: readonly Role[] = ["subject", "observer", "god"];
  return {
    id,
    role: options.role ?? roles.find((role) => role === id) ?? "subject",
    model: options.model ?? "/models/brain.gguf",
    ...(options.limitGb === undefined ? {} : { ramLimitBytes: gb(options.limitGb) }),
    footprint: options.footprint ?? SMALL,
  };
}

/** Subject, observer and god with these limits; `undefined` for none. */
export function matrix(
  limits: readonly (number | undefined)[] = [],
  options: JarOptions = {},
): InstanceDemand[] {
  return ["subject", "observer", "god"].map((id, index) => {
    const limitGb = limits[index];
    return jar(id, { ...options, ...(limitGb === undefined ? {} : { limitGb }) });
  });
}

/** Validates jars on a machine. */
export function validate(
  instances: readonly InstanceDemand[],
  memory: MachineMemory,
  policy: Partial<Policy> = {},
  mode: Mode = instances.length > 1 ? "matrix" : "single",
): Validation {
  return validateMemoryBudget({
    mode,
    instances,
    memory,
    policy: { ...DEFAULT_POLICY, ...policy },
  });
}
