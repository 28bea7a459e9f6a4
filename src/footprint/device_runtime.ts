import { sum } from "../budget/sum.ts";
import {
  type CudaCard,
  cudaPoolNeed,
  type PoolNeed,
} from "../llama_cpp/ggml/backends/cuda_pool.ts";
import { vulkanPoolNeed } from "../llama_cpp/ggml/backends/vulkan_pool.ts";
import type { Tensor } from "../llama_cpp/ggml/tensor.ts";
import { padTo } from "../llama_cpp/ggml/tensor_bytes.ts";
import type { Device } from "../llama_cpp/options.ts";

const MIB = 1024 ** 2;

/** What a backend holds on one device beside llama.cpp's buffers, in whole bytes. */
export interface DeviceRuntime {
  /** Once for a process, from the opening of the engine on: the driver's context, and kernels. */
  readonly runtime: number;
  /**
   * For each context, from its first thought until it is disposed: pools, workspaces, and what the
   * driver rounds its buffers up to.
   */
  readonly thinking: number;
}

/** What a device is to do for one context. */
export interface DeviceWork {
  /**
   * Nodes of the graph of one step (`stepGraph`) that may be computed there; absent where the graph
   * isn't known.
   */
  readonly nodes: readonly Tensor[] | undefined;
  /** Bytes of each buffer that llama.cpp has there. */
  readonly buffers: readonly number[];
  /** Parts of the graph of a step that it computes one after the other. */
  readonly parts?: number;
}

/** What the driver rounds an allocation up to: pools grow by it, too. */
const CUDA_GRANULARITY = 2 * MIB;

/**
 * A CUDA context by the threads that the card's multiprocessors hold at once. Measured: 107 MiB with
 * 52,224 threads (RTX 4060 Ti), 256 with 125,952 (RTX 3090), 527 with 270,336 (H200), 555 with
 * 288,768 (RTX PRO 6000). This is 1 to 12 MiB above each.
 */
const CUDA_CONTEXT = { bytes: 16 * MIB, bytesOfThread: 2000 };

/** What kernels keep of their variables there from the first thought on: 66 MiB on an H200. */
const KERNEL_BYTES_OF_THREAD = 256;

/**
 * Small allocations, streams and graphs, 2 to 6 MiB; what must be free beyond what the driver then
 * counts as used (with the rest of an H200 filled, the least that lived was 5 and 6 MiB more); and
 * caches that are several buffers, each rounded up.
 */
const CUDA_SPARE = 16 * MIB;

/** What cuBLAS keeps for a handle, beside the workspace that ggml-cuda gives it. Measured on an H200. */
const CUBLAS_HANDLE = 66 * MIB;

/**
 * What the driver keeps for a CUDA graph there: ggml-cuda makes one of each part of a graph that it
 * computes twice alike. A thought's steps are alike, and where layers' weights are in RAM nearly each
 * weight begins a part: on an H100 8 MiB for 91 of them, 16 for 118, 18 to 22 for 171, 24 for 197, 38
 * for 299, 36 for 326.
 */
const CUDA_GRAPH = 128 * 1024;

const HOPPER = 90;

/** A card that nobody has described. */
const USUAL = { computeCapability: HOPPER, multiprocessors: 132 };

/**
 * The most multiprocessors of a card of so many bytes, of which nothing else is known: of NVIDIA's
 * since Turing an RTX 3080 has the most for its memory (68 for 10 GB), an RTX PRO 6000 the most.
 *
 * @example
 * ```ts
 * import { mostMultiprocessors } from "./device_runtime.ts";
 * if (mostMultiprocessors(8 * 1024 ** 3) !== 56) throw new Error("7 for each GB");
 * ```
 */
export function mostMultiprocessors(totalBytes: number): number {
  return Math.min(188, Math.max(20, Math.ceil(7 * totalBytes / 1024 ** 3)));
}

/** Threads that a multiprocessor holds at once, by compute capability (CUDA's programming guide). */
function threadsOf(computeCapability: number): number {
  switch (computeCapability) {
    case 75:
      return 1024;
    case 86:
    case 87:
    case 89:
    case 120:
    case 121:
      return 1536;
    default:
      return 2048;
  }
}

function workspaceBytes(computeCapability: number): number {
  return computeCapability >= HOPPER ? 32 * MIB : 4 * MIB;
}

function cardOf({ computeCapability, multiprocessors }: Device): CudaCard {
  return {
    computeCapability: computeCapability ?? USUAL.computeCapability,
    multiprocessors: multiprocessors ?? USUAL.multiprocessors,
  };
}

/** What nodes of a graph that isn't known may need. */
const UNKNOWN_NEED: PoolNeed = { bytes: 64 * MIB, usesCublas: true };

/** The pool of a context, which is as large as its largest node needs it. */
function poolNeed(nodes: readonly Tensor[] | undefined, card: CudaCard): PoolNeed {
  if (nodes === undefined) return UNKNOWN_NEED;
  let bytes = 0;
  let usesCublas = false;
  for (const node of nodes) {
    const need = cudaPoolNeed(node, card);
    bytes = Math.max(bytes, need.bytes);
    usesCublas ||= need.usesCublas;
  }
  return { bytes, usesCublas };
}

function threadsOfCard({ multiprocessors, computeCapability }: CudaCard): number {
  return multiprocessors * threadsOf(computeCapability);
}

function cudaContext(device: Device): number {
  const threads = threadsOfCard(cardOf(device));
  return device.contextBytes ?? CUDA_CONTEXT.bytes + CUDA_CONTEXT.bytesOfThread * threads;
}

function cudaRuntime(
  device: Device,
  { nodes, buffers, parts = 0 }: DeviceWork,
): DeviceRuntime {
  const card = cardOf(device);
  const threads = threadsOfCard(card);
  const { bytes: pool, usesCublas } = poolNeed(nodes, card);
  const rounded = buffers.map((bytes) => padTo(bytes, CUDA_GRANULARITY) - bytes);
  const handle = usesCublas ? CUBLAS_HANDLE + workspaceBytes(card.computeCapability) : 0;
  // What one part and that of single tokens take is within the spare.
  const graphs = Math.max(0, parts - 1);
  return {
    runtime: cudaContext(device) + KERNEL_BYTES_OF_THREAD * threads + CUDA_SPARE,
    thinking: padTo(pool, CUDA_GRANULARITY) + handle + sum(rounded) +
      padTo(graphs * CUDA_GRAPH, CUDA_GRANULARITY),
  };
}

/** Vulkan's on an H200: 50 MiB, and 15 to 25 more while thinking. */
const VULKAN = { runtime: 50 * MIB, thinking: 16 * MIB };

function vulkanRuntime({ contextBytes = VULKAN.runtime }: Device, { nodes }: DeviceWork) {
  const pool = nodes === undefined ? UNKNOWN_NEED.bytes : vulkanPoolNeed(nodes);
  return { runtime: contextBytes, thinking: VULKAN.thinking + pool };
}

/**
 * What a backend holds on one device when the engine is open and nothing is loaded, in whole bytes:
 * what is free then decides how several devices share the first model. Kernels come later.
 *
 * @example
 * ```ts
 * import { openedBytes } from "./device_runtime.ts";
 * const device = {
 *   id: "cuda:0", backend: "cuda", freeBytes: 8e9, isUnified: false,
 *   computeCapability: 90, multiprocessors: 132,
 * } as const;
 * if (Math.round(openedBytes(device) / 2 ** 20) !== 532) throw new Error("527 on an H200");
 * ```
 */
export function openedBytes(device: Device): number {
  switch (device.backend) {
    case "cuda":
      return cudaContext(device);
    case "vulkan":
      return device.contextBytes ?? VULKAN.runtime;
    case "metal":
      return 0;
  }
}

/**
 * What a backend holds on one device beside llama.cpp's buffers. A measured `contextBytes` of the
 * device takes the place of what is known of others like it.
 *
 * @example
 * ```ts
 * import { deviceRuntime } from "./device_runtime.ts";
 * const device = {
 *   id: "cuda:0", backend: "cuda", freeBytes: 8e9, isUnified: false,
 *   computeCapability: 89, multiprocessors: 34,
 * } as const;
 * const { runtime } = deviceRuntime(device, { nodes: [], buffers: [] });
 * if (Math.round(runtime / 2 ** 20) !== 144) throw new Error("116 for the context, 13, and 16");
 * ```
 */
export function deviceRuntime(device: Device, work: DeviceWork): DeviceRuntime {
  switch (device.backend) {
    case "cuda":
      return cudaRuntime(device, work);
    case "vulkan":
      return vulkanRuntime(device, work);
    case "metal":
      return { runtime: 0, thinking: 0 };
  }
}

/**
 * RAM that CUDA's driver takes in the process, all of it to the process's end: when the engine opens
 * (114 MiB on an H100), with the first thought (36 MiB on an H200, 45 to 63 on an H100), and where
 * cuBLAS computes (80 to 160).
 *
 * The kernel's part is what a control group counts beside that, shared memory and the driver's own: on
 * an H100 runs of models that need no cuBLAS were killed up to 23 MiB above a floor without it.
 */
const CUDA_RAM = {
  opening: 112 * MIB,
  thinking: 52 * MIB,
  kernel: 28 * MIB,
  cublas: 160 * MIB,
};

/**
 * The same of Vulkan's, measured with Mesa's software driver: 13 MiB when it opens, and shaders that
 * are compiled with the first thought, 48 MiB with flash attention and 94 without.
 */
const VULKAN_RAM = 110 * MIB;

/**
 * RAM that the driver of these devices takes, once for a process, whatever is loaded.
 *
 * @param nodes of the graph of one step; absent where the graph isn't known
 */
export function driverRamBytes(
  devices: readonly Device[],
  nodes: readonly Tensor[] | undefined,
): number {
  const bytes = devices.map((device) => {
    switch (device.backend) {
      case "cuda": {
        const { usesCublas } = poolNeed(nodes, cardOf(device));
        return CUDA_RAM.opening + CUDA_RAM.thinking + CUDA_RAM.kernel +
          (usesCublas ? CUDA_RAM.cublas : 0);
      }
      case "vulkan":
        return VULKAN_RAM;
      case "metal":
        return 0;
    }
  });
  return Math.max(0, ...bytes);
}
