import { assertEquals } from "@std/assert";
import { placeMemory, weightsByPlace } from "../../../src/llama_cpp/memory/placed_memory.ts";
import type { Device, GpuBackend } from "../../../src/llama_cpp/options.ts";
import { AVX2_CPU, header, options, shapeOf, tensor } from "../sample_header.ts";

interface Asked {
  readonly backend: GpuBackend;
  readonly mmap: boolean;
  readonly gpuLayers: number;
}

/** What of one model's weights lies in RAM and on the device. */
function placed(
  architecture: string,
  tensors: readonly ReturnType<typeof tensor>[],
  { backend, mmap, gpuLayers }: Asked,
): readonly number[] {
  const keys = { "attention.sliding_window": 32, "attention.sliding_window_pattern": 2 };
  const file = header(architecture, keys, tensors);
  const device: Device = { id: `${backend}:0`, backend, freeBytes: 2 ** 40, isUnified: false };
  const offload = { devices: [device], gpuLayers };
  const model = { header: file, shape: shapeOf(file), cpu: AVX2_CPU };
  const { weights } = placeMemory(model, options({ mmap, offload }), offload);
  const { ram, devices } = weightsByPlace(weights, 1);
  return [ram, ...devices];
}

Deno.test("weights that are pinned lie as the device's driver aligns them, mapped or not", () => {
  // 24 bytes of norms and a matrix of 8 × 4 bytes more than a multiple of 64.
  const tensors = [
    tensor("blk.0.attn_norm.weight", 0, 6),
    tensor("blk.0.attn_q.weight", 0, 8, 9),
  ];
  for (const mmap of [true, false]) {
    assertEquals(placed("llama", tensors, { backend: "cuda", mmap, gpuLayers: 0 }), [32 + 288, 0]);
    assertEquals(placed("llama", tensors, { backend: "vulkan", mmap, gpuLayers: 0 }), [
      64 + 320,
      0,
    ]);
  }
});

Deno.test("a tied embedding has memory of its own as output, unless both lie together", () => {
  const halves = [tensor("token_embd.weight", 1, 512, 1000)];
  for (const mmap of [true, false]) {
    const at = (architecture: string, gpuLayers: number) =>
      placed(architecture, halves, { backend: "cuda", mmap, gpuLayers });
    assertEquals(at("llama", 0), [1024_000, 0]);
    assertEquals(at("llama", 1), [1024_000, 1024_000]);
    assertEquals(at("gemma4", 0), [2 * 1024_000, 0]);
    assertEquals(at("gemma4", 1), [1024_000, 1024_000]);
  }
});
