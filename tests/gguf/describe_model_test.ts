import { assertEquals } from "@std/assert";
import { describeModel } from "../../src/gguf/describe_model.ts";
import { readHeader } from "../../src/gguf/read.ts";
import { truthModels } from "../../fixtures/truth/files.ts";
import { buildHeader, text, uint32, type WrittenHeader } from "./build_header.ts";
import { readBytes } from "./read_bytes.ts";

async function describe(written: WrittenHeader, path = "models/tiny-Q8.gguf") {
  const { part, ...header } = await readBytes(buildHeader(written).bytes);
  const { fileBytes: _, ...rest } = describeModel({
    ...header,
    parts: [{ ...part, path }],
    fileBytes: part.fileBytes,
  });
  return rest;
}

const TENSORS = [
  { name: "a", dimensions: [64, 100], type: 8 },
  { name: "b", dimensions: [64], type: 0 },
];

Deno.test("a model is described by its metadata", async () => {
  const metadata = [
    text("general.architecture", "llama"),
    text("general.name", "Tiny"),
    uint32("general.file_type", 15),
    uint32("llama.context_length", 2048),
  ];
  assertEquals(await describe({ metadata, tensors: TENSORS }), {
    path: "models/tiny-Q8.gguf",
    name: "Tiny",
    architecture: "llama",
    parameters: 6464,
    quantization: "Q4_K_M",
    trainContextLength: 2048,
    parts: 1,
  });
});

Deno.test("a model without metadata is described by its file and tensors", async () => {
  assertEquals(await describe({ tensors: TENSORS }, "https://host/a/b-00001-of-00002.gguf?x=/y"), {
    path: "https://host/a/b-00001-of-00002.gguf?x=/y",
    name: "b",
    architecture: null,
    parameters: 6464,
    quantization: "Q8_0",
    trainContextLength: null,
    parts: 1,
  });
  assertEquals((await describe({})).quantization, null);
});

Deno.test("a file type that was guessed has its name, an unknown one the tensors'", async () => {
  const withType = (type: number) =>
    describe({ metadata: [uint32("general.file_type", type)], tensors: TENSORS });
  assertEquals((await withType(1024 + 2)).quantization, "Q4_0");
  assertEquals((await withType(4)).quantization, "Q8_0");
});

Deno.test({
  name: "the real models of truth are what they are called",
  fn: async () => {
    const billions = new Map<string, string>();
    for await (const { file, path } of truthModels()) {
      const { parameters, quantization } = describeModel(await readHeader(path));
      if (parameters > 1e9) billions.set(file, `${(parameters / 1e9).toFixed(1)} ${quantization}`);
    }
    assertEquals(Object.fromEntries(billions), {
      "llama-3.2-1b-q4_0.gguf": "1.5 Q4_0",
      "mamba-2.8b-f16.gguf": "2.9 F16",
      "mistral-7b-q8_0.gguf": "7.2 Q8_0",
      "mixtral-8x7b-q4_0.gguf": "46.7 Q4_0",
      "qwen3-30b-a3b-q4_k.gguf": "30.5 Q4_K",
    });
  },
});
