import { BrainjarError } from "../../budget/error.ts";
import type { GpuBackend } from "../../llama_cpp/options.ts";
import { backendsOf, installedFolder, PLATFORM, type Variant, variantOf } from "./backends.ts";
import { type FetchOptions, fetchPackage } from "./fetch_package.ts";
import { cudaRuntime, missingLibrary } from "./system_libraries.ts";

/** What hides devices from the engine, by the variable that each backend reads. */
export const VISIBLE_DEVICES: Readonly<Record<GpuBackend, string>> = {
  cuda: "CUDA_VISIBLE_DEVICES",
  vulkan: "GGML_VK_VISIBLE_DEVICES",
  metal: "GGML_METAL_DEVICES",
};

/**
 * Sees to it that the engine's build for a backend is here and can be loaded; what isn't here is
 * fetched, that alone. Answers with its folder.
 *
 * @throws {BrainjarError} `backend-not-here`, `gpu-library-missing` or `engine-variant-absent`
 */
export async function prepareBackend(options: FetchOptions): Promise<URL> {
  const { backend } = options;
  const variant = variantOf(backend);
  if (variant === undefined) throw notBuilt(backend);
  // Before the download: what can't be loaded isn't worth it.
  const missing = missingLibrary(backend);
  if (missing !== undefined) throw missing;
  for (const needed of packagesOf(backend, variant)) {
    if (installedFolder(needed) === undefined) await fetchPackage(needed, options);
  }
  const folder = installedFolder(variant.main);
  if (folder === undefined) throw new Error(`${variant.main.name} is gone again`);
  return folder;
}

/** The second package is linked with an older CUDA runtime, and needed only where there is no newer. */
function packagesOf(backend: GpuBackend, { main, older }: Variant) {
  return backend === "cuda" && older !== undefined && cudaRuntime() === 12 ? [main, older] : [main];
}

function notBuilt(backend: GpuBackend): BrainjarError {
  const others = backendsOf();
  return new BrainjarError(
    "backend-not-here",
    `The engine has no build for --gpu ${backend} on ${PLATFORM.replace("-", " ")}`,
    {
      hint: others.length === 0
        ? "Use --gpu off"
        : `Use --gpu ${others.join(" or --gpu ")}, or --gpu off`,
    },
  );
}

/** The error of an engine that finds no device. */
export function noDevice(backend: GpuBackend): BrainjarError {
  const variable = VISIBLE_DEVICES[backend];
  const chosen = Deno.env.get(variable);
  return new BrainjarError(
    "no-device",
    chosen === undefined
      ? `The engine finds no device for --gpu ${backend}`
      : `The engine finds no device for --gpu ${backend} with ${variable}=${chosen}`,
    {
      hint: chosen === undefined
        ? MISSING[backend]
        : `Name devices that are there with ${variable}, ` +
          "numbered from 0, or leave it out; or use --gpu off",
      kind: "engine",
    },
  );
}

const MISSING: Readonly<Record<GpuBackend, string>> = {
  cuda: "Look for it with nvidia-smi: the card, or its driver, isn't there; or use --gpu off",
  vulkan: "Install your card's Vulkan driver (mesa-vulkan-drivers, or NVIDIA's own) and look for " +
    "it with vulkaninfo --summary; a processor counts only where GGML_VK_VISIBLE_DEVICES names " +
    "it; or use --gpu off",
  metal: "Use --gpu off",
};
