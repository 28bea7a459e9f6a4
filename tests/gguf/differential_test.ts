import { gguf } from "@huggingface/gguf";
import { assert, assertEquals } from "@std/assert";
import { METADATA_TYPES, type MetadataValue } from "../../src/gguf/header.ts";
import { readHeader } from "../../src/gguf/read.ts";
import { truthModels } from "../../fixtures/truth/files.ts";

/** A value as @huggingface/gguf has it: arrays bare, and texts without a byte order mark. */
function bare(value: MetadataValue): unknown {
  if (typeof value === "string") return value.replace(/^\ufeff/, "");
  return typeof value === "object" ? value.values?.map(bare) : value;
}

/** A value of @huggingface/gguf as brainjar has it: 64-bit numbers as numbers while they are safe. */
function narrowed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(narrowed);
  return typeof value === "bigint" && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

Deno.test({
  name: "metadata and tensors are @huggingface/gguf's, on every model of truth",
  fn: async () => {
    let models = 0;
    for await (const { file, path } of truthModels()) {
      const ours = await readHeader(path, { keepAll: true });
      const theirs = await gguf(path, { allowLocalFile: true, typedMetadata: true });
      // These three are fields of theirs beside the file's own metadata.
      const { version, tensor_count, kv_count, ...metadata } = theirs.typedMetadata as Record<
        string,
        { value: unknown; type: number; subType?: number }
      >;
      assertEquals(ours.version, version?.value, file);
      assertEquals(BigInt(ours.tensors.length), tensor_count?.value, file);
      assertEquals(BigInt(ours.metadata.size), kv_count?.value, file);
      assertEquals([...ours.metadata.keys()], Object.keys(metadata), file);
      for (const [key, value] of ours.metadata) {
        const their = metadata[key];
        assertEquals(bare(value), narrowed(their?.value), `${key} of ${file}`);
        if (typeof value !== "object") continue;
        assertEquals(
          METADATA_TYPES.indexOf(value.elementType),
          their?.subType,
          `${key} of ${file}`,
        );
        assertEquals(value.length, value.values?.length, `${key} of ${file}`);
      }
      assertEquals(
        ours.tensors.map(({ name, dimensions, type, offset }) => [name, dimensions, type, offset]),
        theirs.tensorInfos.map((
          { name, shape, dtype, offset },
        ) => [name, shape.map(Number), dtype, Number(offset)]),
        file,
      );
      assertEquals(BigInt(ours.parts[0]?.dataOffset ?? 0), theirs.tensorDataOffset, file);

      // Without the values, all else is the same.
      const counted = await readHeader(path);
      assertEquals(counted.tensors, ours.tensors, file);
      for (const [key, value] of counted.metadata) {
        if (typeof value === "object" && value.values === undefined) {
          const { values: _, ...rest } = ours.metadata.get(key) as typeof value;
          assertEquals<unknown>(value, rest, `${key} of ${file}`);
        } else {
          assertEquals(value, ours.metadata.get(key), `${key} of ${file}`);
        }
      }
      models++;
    }
    assert(models >= 57, `Only ${models} models`);
  },
});
