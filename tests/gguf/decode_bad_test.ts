import {
  array,
  buildHeader,
  text,
  uint32,
  type WrittenArray,
  type WrittenHeader,
} from "./build_header.ts";
import { decode } from "../../src/gguf/decode.ts";
import { memorySource } from "./memory_source.ts";
import { assertFault, readBytes } from "./read_bytes.ts";

const HUGE = 2n ** 63n + 12345n;

/** An honest header to tell lies with. */
const HONEST = {
  metadata: [
    text("general.architecture", "llama"),
    uint32("llama.context_length", 4096),
    array("tokenizer.ggml.tokens", "string", Array.from({ length: 100 }, (_, i) => `token ${i}`)),
    array("tokenizer.ggml.scores", "float32", Array.from({ length: 5000 }, (_, i) => i)),
  ],
  tensors: [
    { name: "token_embd.weight", dimensions: [64, 10], type: 8 },
    { name: "output_norm.weight", dimensions: [64] },
    { name: "output.weight", dimensions: [256, 3], type: 12 },
  ],
} satisfies WrittenHeader;

const nested = (depth: number): WrittenArray =>
  depth === 0
    ? { elementType: "uint8", elements: [1] }
    : { elementType: "array", elements: [nested(depth - 1)] };

const withTensor = (tensor: NonNullable<WrittenHeader["tensors"]>[number]): WrittenHeader => ({
  ...HONEST,
  tensors: [...HONEST.tensors, tensor],
});

const withEntry = (entry: NonNullable<WrittenHeader["metadata"]>[number]): WrittenHeader => ({
  ...HONEST,
  metadata: [...HONEST.metadata, entry],
});

type Row = readonly [name: string, lie: WrittenHeader, code: string, ...pieces: string[]];

const LIES: readonly Row[] = [
  ["version 1", { version: 1 }, "gguf-version", "GGUF version 1", "bad.gguf"],
  ["version 0", { version: 0 }, "gguf-version", "version 0"],
  ["version 4", { version: 4 }, "gguf-version", "version 4"],
  ["version 4, big-endian", { version: 4, bigEndian: true }, "gguf-version", "version 4"],
  ["tensor count", { ...HONEST, tensorCount: 10n ** 12n }, "gguf-lying-length", "1000000000000"],
  ["negative tensor count", { ...HONEST, tensorCount: HUGE }, "gguf-lying-length"],
  ["one tensor too many", { ...HONEST, tensorCount: 4 }, "gguf-tensor-offset", "tensor 4 of 4"],
  ["key count", { ...HONEST, keyCount: 2n ** 40n }, "gguf-lying-length", "metadata table"],
  ["negative key count", { ...HONEST, keyCount: HUGE }, "gguf-lying-length"],
  [
    "key length",
    withEntry({ ...uint32("a", 1), keyClaim: 2n ** 40n }),
    "gguf-key",
    "1099511627776 bytes",
    "entry 5 of 5",
  ],
  ["empty key", withEntry(uint32("", 1)), "gguf-key", "0 bytes"],
  [
    "text length",
    withEntry({ ...text("a", "b"), claim: HUGE }),
    "gguf-lying-length",
    'entry 5 of 5 ("a")',
  ],
  [
    "text length past the end",
    { metadata: [{ ...text("a", "b"), claim: 2 }] },
    "gguf-lying-length",
    "length 2",
    "only 1 bytes follow",
  ],
  [
    "numeric array length",
    withEntry(array("a", "float64", [1], 2n ** 61n)),
    "gguf-lying-length",
    "an array",
    '"a"',
  ],
  ["string array length", withEntry(array("a", "string", ["b"], 2n ** 29n)), "gguf-lying-length"],
  [
    "array count of 2^64 - 1",
    withEntry(array("a", "uint8", [1], 2n ** 64n - 1n)),
    "gguf-lying-length",
  ],
  ["value type", withEntry({ ...uint32("a", 1), type: 13 }), "gguf-value-type", "type 13", '"a"'],
  ["element type", withEntry(array("a", 99, [])), "gguf-value-type", "type 99"],
  ["nesting", withEntry({ key: "a", type: "array", value: nested(4) }), "gguf-nesting", "5 deep"],
  [
    "nested arrays without number",
    {
      metadata: [array(
        "a",
        "array",
        Array.from({ length: 257 }, () => nested(0)),
      )],
    },
    "gguf-nesting",
    "257 in all",
  ],
  [
    "duplicate key",
    withEntry(uint32("llama.context_length", 1)),
    "gguf-duplicate-key",
    '"llama.context_length"',
    "entry 5 of 5",
  ],
  ["alignment 0", withEntry(uint32("general.alignment", 0)), "gguf-alignment", '"0"'],
  ["alignment 48", withEntry(uint32("general.alignment", 48)), "gguf-alignment", '"48"'],
  ["alignment as text", withEntry(text("general.alignment", "32")), "gguf-alignment"],
  [
    "alignment of another number type",
    withEntry({ key: "general.alignment", type: "uint64", value: 32 }),
    "gguf-alignment",
    "uint64",
  ],
  [
    "alignment as an array",
    withEntry(array("general.alignment", "uint32", [32])),
    "gguf-alignment",
  ],
  [
    "tensor type",
    withTensor({ name: "a", dimensions: [32], type: 4 }),
    "gguf-tensor-type",
    "type 4",
    '"a"',
  ],
  [
    "tensor type of none",
    withTensor({ name: "a", dimensions: [32], type: 1000 }),
    "gguf-tensor-type",
  ],
  [
    "tensor name",
    withTensor({ name: "a".repeat(64), dimensions: [32] }),
    "gguf-tensor-name",
    "64 bytes",
    "tensor 4 of 4",
  ],
  [
    "five dimensions",
    withTensor({ name: "a", dimensions: [1, 1, 1, 1, 1] }),
    "gguf-dimensions",
    "5 dimensions",
  ],
  [
    "dimension count",
    withTensor({ name: "a", dimensions: [1], dimensionCount: 2 ** 32 - 1 }),
    "gguf-dimensions",
  ],
  [
    "negative dimension",
    withTensor({ name: "a", dimensions: [HUGE] }),
    "gguf-dimensions",
    "impossible shape",
  ],
  [
    "dimensions that overflow",
    withTensor({ name: "a", dimensions: [2n ** 32n, 2n ** 32n] }),
    "gguf-dimensions",
    "4294967296 × 4294967296",
  ],
  [
    "dimensions that overflow to few bytes",
    withTensor({ name: "a", dimensions: [2n ** 62n, 4] }),
    "gguf-dimensions",
  ],
  [
    "rows that aren't whole blocks",
    withTensor({ name: "a", dimensions: [33, 32], type: 2 }),
    "gguf-dimensions",
    "33 elements",
    "Q4_0",
  ],
  [
    "duplicate tensor",
    withTensor({ name: "output.weight", dimensions: [32] }),
    "gguf-duplicate-tensor",
    '"output.weight"',
  ],
  [
    "misaligned data",
    withTensor({ name: "a", dimensions: [8], offset: 7 }),
    "gguf-tensor-offset",
    "data at 7",
  ],
  [
    "data with a gap",
    withTensor({ name: "a", dimensions: [8], offset: 2 ** 20 }),
    "gguf-tensor-offset",
  ],
  [
    "offset of 2^64 - 1",
    withTensor({ name: "a", dimensions: [8], offset: 2n ** 64n - 1n }),
    "gguf-tensor-offset",
  ],
  [
    "missing data",
    { ...HONEST, missing: 100 },
    "gguf-truncated",
    "100 bytes of tensor data are missing",
  ],
  ["one byte missing", { ...HONEST, missing: 1 }, "gguf-truncated", "1 bytes"],
  ["no data", { ...HONEST, withoutData: true }, "gguf-truncated"],
  [
    "a tensor larger than the file",
    withTensor({ name: "a", dimensions: [2 ** 40] }),
    "gguf-truncated",
  ],
];

for (const [name, lie, code, ...pieces] of LIES) {
  Deno.test(`a header that lies is refused: ${name}`, async () => {
    await assertFault(() => readBytes(buildHeader(lie).bytes), code, ...pieces);
    if (lie.version !== undefined) return;
    const big = buildHeader({ ...lie, bigEndian: true }).bytes;
    await assertFault(() => readBytes(big), code, ...pieces);
  });
}

Deno.test("a header that was honest before it lied is read", async () => {
  await readBytes(buildHeader(HONEST).bytes);
});

Deno.test("a file cut off at any byte is refused, and says where it ends", async () => {
  const { bytes, metadataAt, tensorsAt, headerEnd } = buildHeader(HONEST);
  const [, , vocabulary = 0, scores = 0] = metadataAt;
  const places: readonly [at: number, place: string][] = [
    [4, "its first 24 bytes"],
    [12, "its first 24 bytes"],
    [vocabulary + 200, '("tokenizer.ggml.tokens")'],
    [scores + 100, '("tokenizer.ggml.scores")'],
    [(tensorsAt[1] ?? 0) + 20, "tensor 2 of 3"],
  ];
  for (const [at, place] of places) {
    const cut = bytes.subarray(0, at);
    const error = await readBytes(cut).then(() => undefined, (error) => error);
    if (!String(error).includes(place)) {
      throw new Error(`Cut at ${at}: ${error} doesn't name ${place}`);
    }
  }
  for (let at = 1; at < headerEnd; at++) {
    const error = await readBytes(bytes.subarray(0, at)).then(() => undefined, (error) => error);
    if (!/^gguf-(cut-off|lying-length)$/.test(error?.code)) {
      throw new Error(`Cut at ${at}: ${error}`);
    }
  }
});

const MAGICS: readonly [name: string, start: string, piece: string][] = [
  ["PyTorch archive", "PK\x03\x04rest of an archive....", "a ZIP archive"],
  ["Python pickle", "\x80\x02}q\x01rest of a pickle.......", "a Python pickle"],
  ["safetensors", '\x40\x00\x00\x00\x00\x00\x00\x00{"__metadata__":{}}', "a safetensors file"],
  ["GGML", "lmgg\x00\x7d\x00\x00 and the rest of it", "an old GGML model"],
  ["GGMF", "fmgg\x01\x00\x00\x00 and the rest of it", "an old GGMF model"],
  ["GGJT", "tjgg\x03\x00\x00\x00 and the rest of it", "an old GGJT model"],
  ["Git LFS", "version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"],
  ["web page", "<!DOCTYPE html><html><head><title>", "a web page"],
  ["gzip", "\x1f\x8b\x08\x00 and the rest of it......", "a gzip file"],
  ["JSON", '{"model_type":"llama"} and the rest', "a JSON file"],
  ["nonsense", "\x07\x1b[31mnonsense and more of it", '"\\u0007\\u001b[3"'],
  ["one byte", "x", '"x"'],
];

for (const [name, start, piece] of MAGICS) {
  Deno.test(`a file of another kind is named: ${name}`, async () => {
    const bytes = Uint8Array.from(start, (character) => character.charCodeAt(0));
    await assertFault(() => readBytes(bytes), "gguf-bad-magic", "bad.gguf", piece);
  });
}

Deno.test("an empty file is refused", async () => {
  await assertFault(() => readBytes(new Uint8Array()), "gguf-empty", "bad.gguf");
});

Deno.test("metadata without end is refused before it fills the memory", async () => {
  const metadata = Array.from({ length: 140 }, (_, i) => text(`key ${i}`, "x".repeat(64 * 1024)));
  await assertFault(() => readBytes(buildHeader({ metadata }).bytes), "gguf-too-large", "entry");
});

Deno.test("short values in great number are refused before they fill the memory", async () => {
  for (
    const [count, type, values] of [
      [15_000, "string", Array<string>(64).fill("a")],
      [260, "uint8", Array<number>(4096).fill(1)],
    ] as const
  ) {
    const metadata = Array.from({ length: count }, (_, i) => array(`key ${i}`, type, values));
    await assertFault(() => readBytes(buildHeader({ metadata }).bytes), "gguf-too-large", "entry");
  }
});

Deno.test("more than any model has is refused by its claim, however large the file is", async () => {
  const read = (header: WrittenHeader, names?: Set<string>) =>
    decode(memorySource(buildHeader(header).bytes, "bad.gguf", 2 ** 40), {}, 0, names);
  const texts = withEntry(array("a", "string", [], 4 * 1024 * 1024 + 1));
  await assertFault(() => read(texts), "gguf-too-large", "bad.gguf", "4194305", '"a"');
  await assertFault(() => read({ tensorCount: 131_073 }), "gguf-too-large", "a tensor table");
  // The tensors of the parts before count too.
  const names = new Set(Array.from({ length: 131_072 }, (_, i) => `tensor ${i}`));
  await assertFault(() => read(HONEST, names), "gguf-too-large", "a tensor table of length 3");
});

Deno.test("a file that shrinks while it is read is cut off", async () => {
  const { bytes, metadataAt } = buildHeader({
    metadata: [text("a", "x".repeat(100_000)), array("b", "string", ["c", "d"])],
  });
  for (const at of [metadataAt[0] ?? 0, metadataAt[1] ?? 0]) {
    for (let length = at; length < at + 30; length++) {
      const source = memorySource(bytes.subarray(0, length), "bad.gguf", 2 ** 40);
      await assertFault(() => decode(source), "gguf-cut-off", "bad.gguf");
    }
  }
});
