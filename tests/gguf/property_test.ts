import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { GGML_TYPES } from "../../src/llama_cpp/ggml/types.ts";
import type { MetadataType, MetadataValue } from "../../src/gguf/header.ts";
import { buildHeader, type Written, type WrittenEntry } from "./build_header.ts";
import { readBytes } from "./read_bytes.ts";

const SEED = 20_240_607;

const unicode = (maxLength: number) => fc.string({ unit: "grapheme", maxLength });

/** Values of each type that has no inner structure. */
const SCALARS: readonly (readonly [MetadataType, fc.Arbitrary<Written>])[] = [
  ["uint8", fc.nat(255)],
  ["int8", fc.integer({ min: -128, max: 127 })],
  ["uint16", fc.nat(65_535)],
  ["int16", fc.integer({ min: -32_768, max: 32_767 })],
  ["uint32", fc.nat(2 ** 32 - 1)],
  ["int32", fc.integer()],
  ["float32", fc.float()],
  ["bool", fc.boolean()],
  ["string", unicode(40)],
  ["uint64", fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })],
  ["int64", fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })],
  ["float64", fc.double()],
];

const value: fc.Arbitrary<{ type: MetadataType; value: Written }> = fc.oneof(
  ...SCALARS.map(([type, of]) => fc.record({ type: fc.constant(type), value: of })),
  ...SCALARS.map(([elementType, of]) =>
    fc.record({
      type: fc.constant("array" as const),
      value: fc.record({
        elementType: fc.constant(elementType),
        elements: fc.array(of, { maxLength: 60 }),
      }),
    })
  ),
);

const entries: fc.Arbitrary<WrittenEntry[]> = fc.uniqueArray(
  fc.tuple(unicode(30), value).map(([key, rest]) => ({ key: `k${key}`, ...rest })),
  { selector: (entry) => entry.key, maxLength: 20 },
);

const tensor = fc.constantFrom(...GGML_TYPES).chain(([type, { blockElements }]) =>
  fc.record({
    name: fc.string({ maxLength: 60 }),
    type: fc.constant(type),
    dimensions: fc.tuple(fc.integer({ min: 1, max: 4 }), fc.array(fc.nat(5), { maxLength: 3 }))
      .map(([blocks, rest]) => [blocks * blockElements, ...rest]),
  })
);

const tensors = fc.uniqueArray(tensor, { selector: (tensor) => tensor.name, maxLength: 10 });

/** A value as it should come back. */
function expected(written: Written): MetadataValue {
  if (typeof written === "object") {
    const { elements } = written;
    const elementType = written.elementType as MetadataType;
    return {
      elementType,
      length: elements.length,
      bytes: elements.reduce<number>((sum, element) => sum + bytesOf(elementType, element), 0),
      values: elements.map((element) => expected(element)),
    };
  }
  return typeof written === "bigint" && Number.isSafeInteger(Number(written))
    ? Number(written)
    : written;
}

function bytesOf(type: MetadataType, written: Written): number {
  if (type === "string") return new TextEncoder().encode(String(written)).length;
  return type === "bool" ? 1 : Number(/\d+/.exec(type)) / 8;
}

Deno.test(`any header comes back as it was written (seed ${SEED})`, async () => {
  await fc.assert(
    fc.asyncProperty(
      entries,
      tensors,
      fc.constantFrom(2, 3),
      fc.boolean(),
      fc.constantFrom(1, 8, 32, 64, 4096),
      async (metadata, tensors, version, bigEndian, alignment) => {
        const all: WrittenEntry[] = [
          ...metadata,
          { key: "general.alignment", type: "uint32", value: alignment },
        ];
        const built = buildHeader({ metadata: all, tensors, version, bigEndian, alignment });
        const header = await readBytes(built.bytes);
        assertEquals(header.version, version);
        assertEquals(header.byteOrder, bigEndian ? "big" : "little");
        assertEquals(
          [...header.metadata],
          all.map(({ key, value }) => [key, expected(value)]),
        );
        assertEquals(
          header.tensors.map(({ name, type, dimensions }) => ({ name, type, dimensions })),
          tensors.map(({ name, type, dimensions }) => ({ name, type, dimensions })),
        );
        assertEquals(header.part.dataOffset, built.dataAt);
      },
    ),
    { seed: SEED, numRuns: 500 },
  );
});
