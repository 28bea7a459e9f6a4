import type { GgufHeader } from "../gguf/header.ts";
import { backendOf } from "../llama_cpp/ggml/backends/backends.ts";
import { devicesHaveFlashAttention } from "../llama_cpp/graph/flash_attention.ts";
import { placeLayers } from "../llama_cpp/memory/placement.ts";
import { readModel } from "../llama_cpp/models/families.ts";
import type { FootprintOptions } from "../llama_cpp/options.ts";

/**
 * What `auto` comes to for a model that can have flash attention: on where every device with layers of
 * it computes it. The CPU always does.
 */
export async function devicesComputeFlashAttention(
  header: GgufHeader,
  options: FootprintOptions,
): Promise<boolean> {
  const { offload } = options;
  if (offload === undefined) return true;
  const source = await readModel(header);
  const { shape } = source;
  return devicesHaveFlashAttention(source, options, {
    backends: offload.devices.map((device) => backendOf(device, shape.usesAlibi)),
    placement: placeLayers(shape.allLayerCount, offload),
  });
}
