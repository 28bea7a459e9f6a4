import { defined } from "../../budget/defined.ts";
import type { GpuBackend } from "../../llama_cpp/options.ts";
import { largestVulkanTensors } from "./vulkan_limits.ts";

/** A device as the open engine itself sees it. */
export interface EngineDevice {
  /** Backend and number in the order in which llama.cpp uses them: `vulkan:0`. */
  readonly id: string;
  readonly backend: GpuBackend;
  /** What its driver calls it. */
  readonly name: string;
  readonly totalBytes: number;
  /** What its driver says is free; some drivers always say all of it. */
  readonly freeBytes: number;
  /** Whether llama.cpp takes it for an integrated one. */
  readonly isIntegrated: boolean;
  /** Whether its memory is RAM. */
  readonly isUnified: boolean;
  /** Its place on the PCI bus, as `0000:c1:00.0`, where its backend tells. */
  readonly pciBusId?: string;
  /** What every tensor there starts at a multiple of. */
  readonly alignment: number;
  /** The largest buffer that it gives. */
  readonly largestBufferBytes: number;
  /** The largest tensor that it computes with; any where absent. */
  readonly largestTensorBytes?: number;
}

/** ggml's own registry of devices (ggml-backend.h). */
const SYMBOLS = {
  ggml_backend_dev_count: { parameters: [], result: "usize" },
  ggml_backend_dev_get: { parameters: ["usize"], result: "pointer" },
  ggml_backend_dev_type: { parameters: ["pointer"], result: "i32" },
  ggml_backend_dev_description: { parameters: ["pointer"], result: "pointer" },
  ggml_backend_dev_memory: { parameters: ["pointer", "buffer", "buffer"], result: "void" },
  ggml_backend_dev_get_props: { parameters: ["pointer", "buffer"], result: "void" },
  ggml_backend_dev_buffer_type: { parameters: ["pointer"], result: "pointer" },
  ggml_backend_buft_get_alignment: { parameters: ["pointer"], result: "usize" },
  ggml_backend_buft_get_max_size: { parameters: ["pointer"], result: "usize" },
} as const;

/** Values of `enum ggml_backend_dev_type`. */
const DISCRETE = 1;
const INTEGRATED = 2;

/** Where `struct ggml_backend_dev_props` has `device_id`, and more bytes than all of it. */
const DEVICE_ID_OFFSET = 40;
const PROPS_BYTES = 256;

/** ggml's library among an engine's: its name ends with variant and version. */
const GGML_LIBRARY = /^(?:lib)?ggml\.[\w.]*(?:so|dylib|dll)$/;

/** The folder of an engine's package that holds its libraries. */
function libraryOf(variant: URL): string {
  const bins = new URL("bins/", variant);
  for (const { name, isDirectory } of Deno.readDirSync(bins)) {
    if (!isDirectory) continue;
    const folder = new URL(`${name}/`, bins);
    for (const file of Deno.readDirSync(folder)) {
      if (GGML_LIBRARY.test(file.name)) return new URL(file.name, folder).pathname;
    }
  }
  throw new Error(`No ggml library in ${bins.pathname}`);
}

/**
 * The devices that llama.cpp computes on in this process, which has the engine of `variant` open:
 * integrated ones only where there is no other, as llama.cpp has it. A CUDA device that is asked for
 * its memory gets its context then, if it hasn't one.
 *
 * @param variant the folder of the engine's package
 */
export function engineDevices(backend: GpuBackend, variant: URL): EngineDevice[] {
  // The same file that the engine has loaded, hence the same registry.
  const ggml = Deno.dlopen(libraryOf(variant), SYMBOLS);
  const largestTensors = backend === "vulkan" ? largestVulkanTensors() : undefined;
  try {
    const all: Omit<EngineDevice, "id">[] = [];
    const { symbols } = ggml;
    for (let index = 0n; index < symbols.ggml_backend_dev_count(); index++) {
      const device = symbols.ggml_backend_dev_get(index);
      const type = symbols.ggml_backend_dev_type(device);
      if (type !== DISCRETE && type !== INTEGRATED) continue;
      const pciBusId = pciBusIdOf(symbols, device);
      if (pciBusId !== undefined && all.some((other) => other.pciBusId === pciBusId)) continue;
      const [free, total] = [new BigUint64Array(1), new BigUint64Array(1)];
      symbols.ggml_backend_dev_memory(device, free, total);
      const buffers = symbols.ggml_backend_dev_buffer_type(device);
      const isIntegrated = type === INTEGRATED;
      const name = textAt(symbols.ggml_backend_dev_description(device)) ?? backend;
      all.push({
        backend,
        name,
        totalBytes: Number(total[0] ?? 0n),
        freeBytes: Number(free[0] ?? 0n),
        isIntegrated,
        isUnified: isIntegrated || backend === "metal",
        ...defined({ pciBusId, largestTensorBytes: largestTensors?.get(name) }),
        alignment: Number(symbols.ggml_backend_buft_get_alignment(buffers)),
        largestBufferBytes: Math.min(
          Number(symbols.ggml_backend_buft_get_max_size(buffers)),
          Number.MAX_SAFE_INTEGER,
        ),
      });
    }
    const discrete = all.filter(({ isIntegrated }) => !isIntegrated);
    return (discrete.length > 0 ? discrete : all).map((device, number) => ({
      id: `${backend}:${number}`,
      ...device,
    }));
  } finally {
    ggml.close();
  }
}

type Symbols = Deno.DynamicLibrary<typeof SYMBOLS>["symbols"];

function pciBusIdOf(symbols: Symbols, device: Deno.PointerValue): string | undefined {
  const props = new BigUint64Array(PROPS_BYTES / 8);
  symbols.ggml_backend_dev_get_props(device, props);
  return textAt(Deno.UnsafePointer.create(props[DEVICE_ID_OFFSET / 8] ?? 0n));
}

function textAt(pointer: Deno.PointerValue): string | undefined {
  return pointer === null ? undefined : new Deno.UnsafePointerView(pointer).getCString();
}
