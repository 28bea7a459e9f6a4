import type { Device } from "../../options.ts";

/** What is to be known of a Vulkan driver that the engine doesn't tell. */
type DriverLimits = Pick<Device, "largestTensorBytes" | "breaksFlashAttention">;

/** `maxStorageBufferRange` of drivers that take less than 32 bits count, by the names of their devices. */
const DRIVERS: readonly (readonly [name: RegExp, limits: DriverLimits])[] = [
  // Mesa's software driver (lavapipe, LP_MAX_TGSI_SHADER_BUFFER_SIZE). Its shader for flash attention
  // writes past its memory from some 300 tokens on: Mesa 22.3 ended 9 of 10 processes that way, and
  // none without.
  [/^llvmpipe\b/i, { largestTensorBytes: 2 ** 27, breaksFlashAttention: true }],
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
