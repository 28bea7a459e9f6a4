import { assertEquals } from "@std/assert";
import { devicesComputeFlashAttention } from "../../src/footprint/flash_attention.ts";
import type { Device } from "../../src/llama_cpp/options.ts";
import { plannedModels } from "../llama_cpp/graph/models.ts";
import { options } from "../llama_cpp/sample_header.ts";

const CARD: Device = { id: "cuda:0", backend: "cuda", freeBytes: 8e10, isUnified: false };

Deno.test("flash attention: on unless a device with layers has no kernel for these heads", async () => {
  const models = new Map((await plannedModels()).map(({ name, header }) => [name, header]));
  const decide = async (name: string, gpuLayers: number, type: "F16" | "Q5_1" = "F16") => {
    const header = models.get(name);
    if (header === undefined) throw new Error(name);
    const cache = { kvCacheKeyType: type, kvCacheValueType: type };
    const offload = { devices: [CARD], gpuLayers };
    return await devicesComputeFlashAttention(header, options({ ...cache, offload }));
  };
  assertEquals(await decide("llama-dense", 99), true);
  assertEquals(await decide("llama-dense", 99, "Q5_1"), false);
  // The output alone has no attention, and RAM's layers are the CPU's.
  assertEquals(await decide("llama-dense", 1, "Q5_1"), true);
  assertEquals(await decide("mamba-dense", 99), true);
});
