import type { Device, GpuBackend } from "../../options.ts";
import type { Backend } from "./backend.ts";
import { cudaBackend } from "./cuda.ts";
import { metalBackend } from "./metal.ts";
import { vulkanBackend } from "./vulkan.ts";

type MakesBackend = (device: Device, isBiased: boolean) => Backend;

const BACKENDS: Readonly<Record<GpuBackend, MakesBackend>> = {
  cuda: cudaBackend,
  vulkan: vulkanBackend,
  metal: metalBackend,
};

/**
 * What drives a device.
 *
 * @param isBiased whether the model's attention is biased by distance, which flash attention of
 * some devices can't do
 */
export function backendOf(device: Device, isBiased: boolean): Backend {
  return BACKENDS[device.backend](device, isBiased);
}
