import { assertEquals } from "@std/assert";
import { resolveContext } from "../../src/plan/footprint_of.ts";
import { header } from "../llama_cpp/sample_header.ts";

Deno.test("flash attention is on by itself where llama.cpp can run the model with it", async () => {
  const resolve = async (architecture: string, flashAttention: "on" | "off" | "auto") =>
    (await resolveContext(header(architecture), {
      contextSize: 512,
      batchSize: 512,
      sequences: 1,
      flashAttention,
      kvCacheType: "F16",
      mmap: true,
      gpuLayers: "auto",
    })).flashAttention;
  assertEquals(await resolve("llama", "auto"), true);
  assertEquals(await resolve("llama", "off"), false);
  assertEquals(await resolve("plm", "auto"), false);
  // What was asked for is refused later, in words.
  assertEquals(await resolve("plm", "on"), true);
});
