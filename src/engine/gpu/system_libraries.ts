import { BrainjarError } from "../../budget/error.ts";
import type { GpuBackend } from "../../llama_cpp/options.ts";

/** Libraries that only work together, one of which is looked for after the other. */
interface LibrarySet {
  readonly names: readonly string[];
  /** What installs them. */
  readonly hint: string;
}

const CUDA_RUNTIME =
  "Install NVIDIA's CUDA runtime, version 13 (cuda-cudart-13-0 and libcublas-13-0 of its package " +
  "repository) or 12, or name its folder with LD_LIBRARY_PATH";

/** CUDA's runtime libraries, by the version that a build of the engine is linked with. */
const CUDA_RUNTIMES = {
  13: ["libcudart.so.13", "libcublas.so.13"],
  12: ["libcudart.so.12", "libcublas.so.12"],
} as const;

/** A version of CUDA's runtime that there is a build of the engine for. */
export type CudaRuntime = keyof typeof CUDA_RUNTIMES;

/** What a backend's build loads beside itself, in the order in which its lack is told. */
const LIBRARIES: Readonly<Partial<Record<GpuBackend, readonly LibrarySet[]>>> = {
  cuda: [{
    names: ["libcuda.so.1"],
    hint: "Install NVIDIA's driver; a container gets it with --gpus all",
  }],
  vulkan: [{
    names: ["libvulkan.so.1"],
    hint: "Install Vulkan's loader (libvulkan1 of Debian and Ubuntu, vulkan-loader of Fedora, " +
      "vulkan-icd-loader of Arch) and your card's driver (mesa-vulkan-drivers, or NVIDIA's own)",
  }],
};

/** Whether the system's loader finds a library. */
export type FindsLibrary = (name: string) => boolean;

/** Asks the system's loader. */
export const findsLibrary: FindsLibrary = (name) => {
  try {
    Deno.dlopen(name, {}).close();
    return true;
  } catch {
    return false;
  }
};

/** The newest CUDA that NVIDIA's driver supports, 13 for 13.1; nothing where it doesn't tell. */
function driverSupports(): number | undefined {
  try {
    const driver = Deno.dlopen("libcuda.so.1", {
      cuDriverGetVersion: { parameters: ["buffer"], result: "i32" },
    });
    // As 13010 for 13.1.
    const version = new Int32Array(1);
    const isTold = driver.symbols.cuDriverGetVersion(version) === 0;
    driver.close();
    return isTold ? Math.floor((version[0] ?? 0) / 1000) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The lowest compute capability that a build for a CUDA runtime has kernels for, as 75 for 7.5:
 * CUDA 13 compiles for none below. With an older card everything loads, and the first kernel ends
 * the process.
 */
export const LEAST_COMPUTE_CAPABILITY: Readonly<Partial<Record<CudaRuntime, number>>> = { 13: 75 };

/**
 * The newest CUDA runtime on this system that there is a build for and that the driver supports;
 * nothing where there is none.
 */
export function cudaRuntime(
  finds: FindsLibrary = findsLibrary,
  supported: number | undefined = driverSupports(),
): CudaRuntime | undefined {
  if ((supported ?? 13) >= 13 && CUDA_RUNTIMES[13].every(finds)) return 13;
  return CUDA_RUNTIMES[12].every(finds) ? 12 : undefined;
}

/**
 * What is missing on this system for the engine's build for a backend to be loaded; nothing where
 * nothing is. Only Linux is asked: elsewhere drivers bring all of it.
 */
export function missingLibrary(backend: GpuBackend): BrainjarError | undefined {
  if (Deno.build.os !== "linux") return undefined;
  try {
    checkSystemLibraries(backend);
    return undefined;
  } catch (error) {
    if (error instanceof BrainjarError) return error;
    throw error;
  }
}

/**
 * Throws where a library is missing that the engine's build for a backend loads on Linux.
 *
 * @throws {BrainjarError} `gpu-library-missing`
 */
export function checkSystemLibraries(
  backend: GpuBackend,
  finds: FindsLibrary = findsLibrary,
  supported?: number,
): void {
  for (const { names, hint } of LIBRARIES[backend] ?? []) {
    for (const name of names) if (!finds(name)) throw missing(backend, name, hint);
  }
  if (backend !== "cuda" || cudaRuntime(finds, supported) !== undefined) return;
  const lacking = CUDA_RUNTIMES[13].find((name) => !finds(name)) ?? CUDA_RUNTIMES[13][0];
  throw missing(backend, lacking, CUDA_RUNTIME);
}

function missing(backend: GpuBackend, name: string, hint: string): BrainjarError {
  return new BrainjarError(
    "gpu-library-missing",
    `A library that --gpu ${backend} needs is missing: ${name}`,
    { hint: `${hint}, or use --gpu off`, kind: "engine" },
  );
}
