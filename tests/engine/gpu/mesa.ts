import { findsLibrary } from "../../../src/engine/gpu/system_libraries.ts";
import { runWorker } from "./run_worker.ts";

/**
 * Mesa's software driver as one Vulkan device: an index that is named skips llama.cpp's check that
 * leaves processors out.
 */
export const ONE_DEVICE: Readonly<Record<string, string>> = { GGML_VK_VISIBLE_DEVICES: "0" };

/** The same twice: layers are split over both. */
export const TWO_DEVICES: Readonly<Record<string, string>> = { GGML_VK_VISIBLE_DEVICES: "0,0" };

let asked: Promise<string | undefined> | undefined;

/**
 * Why nothing can be computed with Vulkan on this machine; nothing where it can. The engine's build
 * for it is fetched for that, 27 MB.
 */
export function whyNoVulkan(): Promise<string | undefined> {
  return asked ??= find();
}

async function find(): Promise<string | undefined> {
  if (!findsLibrary("libvulkan.so.1")) return "no libvulkan.so.1";
  const life = await runWorker("vulkan", [], ONE_DEVICE);
  if ("code" in life) return `${life.code}: ${life.hint}`;
  const [device] = life.devices;
  // A real card is another's business, and what is asserted of Mesa isn't true of it.
  return device?.name.startsWith("llvmpipe") ? undefined : `device 0 is ${device?.name}`;
}
