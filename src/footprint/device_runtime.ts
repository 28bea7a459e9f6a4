import type { Hyperparameters } from "../llama_cpp/hyperparameters/hyperparameters.ts";
import type { Device, FootprintOptions, GpuBackend } from "../llama_cpp/options.ts";

const MIB = 1024 ** 2;

/** What a backend holds beside llama.cpp's buffers, in bytes. */
export interface DeviceRuntime {
  /** On the device, once for a process: its context and the kernels. */
  readonly runtime: number;
  /** On the device, for each jar: pools and workspaces. */
  readonly thinking: number;
}

/**
 * Measured on an H200 (fixtures/truth/gpu/real.jsonl): a context of 527 MiB that is 593 to 595 after
 * the first thought; Vulkan's on the same card.
 */
const RUNTIME: Readonly<Record<GpuBackend, number>> = {
  cuda: 595 * MIB,
  vulkan: 50 * MIB,
  metal: 0,
};

/** Pools of attention without a kernel of its own, and of experts, are larger. */
const THINKING: Readonly<Record<GpuBackend, { readonly least: number; readonly most: number }>> = {
  cuda: { least: 20 * MIB, most: 120 * MIB },
  vulkan: { least: 25 * MIB, most: 25 * MIB },
  metal: { least: 0, most: 0 },
};

/** RAM that a driver takes in the process as soon as it is open (measured: 109 to 113 MiB). */
const RAM: Readonly<Record<GpuBackend, number>> = {
  cuda: 113 * MIB,
  vulkan: 30 * MIB,
  metal: 0,
};

/** What a backend holds on one device besides. */
export function deviceRuntime(
  { backend }: Device,
  shape: Hyperparameters,
  options: FootprintOptions,
): DeviceRuntime {
  const { least, most } = THINKING[backend];
  const isPlain = options.flashAttention && shape.experts.count === 0;
  return { runtime: RUNTIME[backend], thinking: isPlain ? least : most };
}

/** RAM that a backend's driver takes, once for a process. */
export function driverRamBytes(devices: readonly Device[]): number {
  return Math.max(0, ...devices.map(({ backend }) => RAM[backend]));
}
