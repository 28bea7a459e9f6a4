import { assertEquals, assertThrows } from "@std/assert";
import { BrainjarError } from "../../../src/budget/error.ts";
import { vulkanLimits } from "../../../src/llama_cpp/ggml/backends/vulkan_drivers.ts";
import { withoutBrokenFlashAttention } from "../../../src/plan/devices/broken_flash_attention.ts";
import { DEFAULT_CONTEXT } from "../../../src/plan/settings.ts";

const device = (name: string) => ({
  id: "vulkan:0",
  backend: "vulkan" as const,
  freeBytes: 2 ** 31,
  isUnified: false,
  ...vulkanLimits(name),
});

const SOFTWARE = device("llvmpipe (LLVM 15.0.6, 256 bits)");
const CARD = device("NVIDIA H200");

Deno.test("broken flash attention: auto leaves it off where a driver ends the process with it", () => {
  const after = withoutBrokenFlashAttention(DEFAULT_CONTEXT, [CARD, SOFTWARE]);
  assertEquals(after, { ...DEFAULT_CONTEXT, flashAttention: "off" });
  assertEquals(withoutBrokenFlashAttention(DEFAULT_CONTEXT, [CARD]), DEFAULT_CONTEXT);
  assertEquals(withoutBrokenFlashAttention(DEFAULT_CONTEXT, []), DEFAULT_CONTEXT);
});

Deno.test("broken flash attention: what was asked for is refused there and taken elsewhere", () => {
  const on = { ...DEFAULT_CONTEXT, flashAttention: "on" } as const;
  const error = assertThrows(() => withoutBrokenFlashAttention(on, [SOFTWARE]), BrainjarError);
  assertEquals(error.code, "unsupported-flash-attention");
  assertEquals(withoutBrokenFlashAttention(on, [CARD]), on);
});
