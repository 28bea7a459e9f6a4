import type { Device } from "../../options.ts";

/** What a Vulkan driver says of its limits that the engine doesn't tell. */
type DriverLimits = Pick<Device, "largestTensorBytes">;

/** `maxStorageBufferRange` of drivers that take less than 32 bits count, by the names of their devices. */
const DRIVERS: readonly (readonly [name: RegExp, limits: DriverLimits])[] = [
  // Mesa's software driver (lavapipe, LP_MAX_TGSI_SHADER_BUFFER_SIZE).
  [/^llvmpipe\b/i, { largestTensorBytes: 2 ** 27 }],
];

/**
 * Limits of a Vulkan device by its driver's name for it; none where nothing is known of it.
 *
 * @example
 * ```ts
 * import { vulkanLimits } from "./vulkan_drivers.ts";
 * if (vulkanLimits("llvmpipe (LLVM 19.1.7, 256 bits)").largestTensorBytes !== 2 ** 27) throw new Error();
 * ```
 */
export function vulkanLimits(name: string): DriverLimits {
  return DRIVERS.find(([driver]) => driver.test(name))?.[1] ?? {};
}
