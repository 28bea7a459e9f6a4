import { assert, assertEquals } from "@std/assert";
import { MAX_TEXT_BYTES, WINDOW_BYTES } from "../../src/gguf/limits.ts";
import { readHeader } from "../../src/gguf/read.ts";
import { array, buildHeader, text, uint32 } from "./build_header.ts";
import { assertFault, readBytes } from "./read_bytes.ts";

const TINY = buildHeader({ metadata: [text("general.architecture", "llama")] }).bytes;

async function inFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-gguf-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const version of [2, 3]) {
  for (const bigEndian of [false, true]) {
    const order = bigEndian ? "big" : "little";
    Deno.test(`version ${version}, ${order}-endian: every type comes back`, async () => {
      const built = buildHeader({
        version,
        bigEndian,
        alignment: 64,
        metadata: [
          { key: "a", type: "uint8", value: 255 },
          { key: "b", type: "int8", value: -128 },
          { key: "c", type: "uint16", value: 65535 },
          { key: "d", type: "int16", value: -32768 },
          { key: "e", type: "uint32", value: 2 ** 32 - 1 },
          { key: "f", type: "int32", value: -(2 ** 31) },
          { key: "g", type: "float32", value: 0.5 },
          { key: "h", type: "bool", value: true },
          { key: "i", type: "uint64", value: 2n ** 53n },
          { key: "j", type: "int64", value: -5n },
          { key: "k", type: "float64", value: Math.PI },
          text("l", "grüß dich 🫙 \u0000 \ufeff"),
          array("m", "uint16", [1, 2, 3]),
          array("n", "string", ["", "\ufeffx"]),
          { key: "o", type: "array", value: { elementType: "array", elements: [] } },
          uint32("general.alignment", 64),
        ],
        tensors: [
          { name: "t", dimensions: [32, 2, 3, 4], type: 8 },
          { name: "u", dimensions: [5] },
          { name: "v", dimensions: [] },
          { name: "w", dimensions: [0, 7] },
        ],
      });
      const header = await readBytes(built.bytes);
      assertEquals(header.version, version);
      assertEquals(header.byteOrder, order);
      assertEquals(header.alignment, 64);
      assertEquals([...header.metadata], [
        ["a", 255],
        ["b", -128],
        ["c", 65535],
        ["d", -32768],
        ["e", 2 ** 32 - 1],
        ["f", -(2 ** 31)],
        ["g", 0.5],
        ["h", true],
        ["i", 2n ** 53n],
        ["j", -5],
        ["k", Math.PI],
        ["l", "grüß dich 🫙 \u0000 \ufeff"],
        ["m", { elementType: "uint16", length: 3, bytes: 6, values: [1, 2, 3] }],
        ["n", { elementType: "string", length: 2, bytes: 4, values: ["", "\ufeffx"] }],
        ["o", { elementType: "array", length: 0, bytes: 0, values: [] }],
        ["general.alignment", 64],
      ]);
      assertEquals(header.tensors, [
        { name: "t", dimensions: [32, 2, 3, 4], type: 8, offset: 0, part: 0 },
        { name: "u", dimensions: [5], type: 0, offset: 832, part: 0 },
        { name: "v", dimensions: [1], type: 0, offset: 896, part: 0 },
        { name: "w", dimensions: [0, 7], type: 0, offset: 960, part: 0 },
      ]);
      assertEquals(header.part, {
        path: "bad.gguf",
        fileBytes: built.bytes.length,
        dataOffset: built.dataAt,
      });
    });

    Deno.test(`version ${version}, ${order}-endian: vocabularies are counted`, async () => {
      const words = Array.from({ length: 60_000 }, (_, i) => "é".repeat(i % 40));
      words[7] = "x".repeat(2 * WINDOW_BYTES + 3);
      const bytes = words.reduce((sum, word) => sum + new TextEncoder().encode(word).length, 0);
      const header = await readBytes(
        buildHeader({
          version,
          bigEndian,
          metadata: [
            array("words", "string", words),
            array("scores", "float32", Array.from({ length: 70_000 }, () => 1)),
            array("layers", "uint32", Array.from({ length: 4096 }, (_, i) => i)),
            text("last", "one"),
          ],
        }).bytes,
      );
      assertEquals(header.metadata.get("words"), { elementType: "string", length: 60_000, bytes });
      assertEquals(header.metadata.get("scores"), {
        elementType: "float32",
        length: 70_000,
        bytes: 280_000,
      });
      const layers = header.metadata.get("layers");
      assert(typeof layers === "object" && layers.values?.[4095] === 4095);
      assertEquals(header.metadata.get("last"), "one");
    });
  }
}

Deno.test("a text as long as a tokenizer is cut, and what follows it is read", async () => {
  const long = "y".repeat(3 * WINDOW_BYTES);
  const built = buildHeader({ metadata: [text("json", long), uint32("after", 1)] });
  const { metadata } = await readBytes(built.bytes);
  assertEquals(metadata.get("json"), long.slice(0, MAX_TEXT_BYTES));
  assertEquals(metadata.get("after"), 1);
});

Deno.test("options say which arrays keep their values", async () => {
  const words = Array.from({ length: 100 }, (_, i) => `word ${i}`);
  const numbers = Array.from({ length: 5000 }, (_, i) => i);
  const { bytes } = buildHeader({
    metadata: [array("words", "string", words), array("numbers", "int32", numbers)],
  });
  const valuesOf = async (options: Parameters<typeof readBytes>[1]) =>
    [...(await readBytes(bytes, options)).metadata.values()].map((value) =>
      typeof value === "object" ? value.values : null
    );
  assertEquals(await valuesOf({}), [undefined, undefined]);
  assertEquals(await valuesOf({ keepStrings: 100 }), [words, undefined]);
  assertEquals(await valuesOf({ keepNumbers: 5000 }), [undefined, numbers]);
  assertEquals(await valuesOf({ keepAll: true }), [words, numbers]);
});

Deno.test("a path, a file URL and its text read the same file", () =>
  inFolder(async (folder) => {
    const path = `${folder}/a model.gguf`;
    await Deno.writeFile(path, TINY);
    const url = new URL(`file://${folder}/a%20model.gguf`);
    const header = await readHeader(path);
    assertEquals(header.fileBytes, TINY.length);
    assertEquals(header.parts, [{ path, fileBytes: TINY.length, dataOffset: TINY.length }]);
    assertEquals(await readHeader(url), header);
    assertEquals(await readHeader(url.href), header);
  }));

Deno.test("many headers at once are read through few windows", () =>
  inFolder(async (folder) => {
    const path = `${folder}/model.gguf`;
    await Deno.writeFile(path, TINY);
    const headers = await Promise.all(Array.from({ length: 300 }, () => readHeader(path)));
    assertEquals(new Set(headers.map((header) => header.metadata.size)), new Set([1]));
    await Promise.allSettled(Array.from({ length: 20 }, () => readHeader(folder)));
    assertEquals((await readHeader(path)).metadata.size, 1);
  }));

Deno.test("no such file", () =>
  inFolder(async (folder) => {
    await Deno.writeFile(`${folder}/model.gguf`, TINY);
    for (const name of ["none.gguf", "none/model.gguf", "model.gguf/model.gguf"]) {
      const path = `${folder}/${name}`;
      const error = await assertFault(() => readHeader(path), "model-not-found");
      assertEquals(error.message, `Model file not found: ${path}`);
    }
    await assertFault(() => readHeader("file:///%zz.gguf"), "model-not-found", "%zz");
    const error = await assertFault(() => readHeader(""), "model-not-found");
    assertEquals(error.message, "Model file not found: ");
  }));

Deno.test("a directory, an empty file, a loop of links", () =>
  inFolder(async (folder) => {
    await assertFault(() => readHeader(folder), "gguf-directory", folder);
    await Deno.writeFile(`${folder}/empty.gguf`, new Uint8Array());
    await assertFault(() => readHeader(`${folder}/empty.gguf`), "gguf-empty", "empty.gguf");
    await Deno.symlink(`${folder}/loop.gguf`, `${folder}/loop.gguf`);
    await assertFault(() => readHeader(`${folder}/loop.gguf`), "gguf-read-failed", "loop.gguf");
  }));

Deno.test({
  name: "pipes and devices are refused and never waited for",
  ignore: Deno.build.os === "windows",
  fn: () =>
    inFolder(async (folder) => {
      const pipe = `${folder}/pipe.gguf`;
      assert((await new Deno.Command("mkfifo", { args: [pipe] }).output()).success);
      await assertFault(() => readHeader(pipe), "gguf-not-a-file", pipe);
      await assertFault(() => readHeader("/dev/zero"), "gguf-not-a-file", "/dev/zero");
    }),
});

Deno.test({
  name: "no permission to read, by Deno",
  permissions: { read: false },
  fn: async () => {
    const error = await assertFault(() => readHeader("model.gguf"), "gguf-unreadable");
    assert(error.hint?.includes("--allow-read"));
  },
});

// Root may read everything, so the system's refusal is put in its place.
Deno.test("no permission to read, by the system", async () => {
  const real = Deno.statSync;
  Deno.statSync = () => {
    throw new Deno.errors.PermissionDenied("Permission denied (os error 13)");
  };
  try {
    await assertFault(() => readHeader("model.gguf"), "gguf-unreadable", "model.gguf");
  } finally {
    Deno.statSync = real;
  }
});

Deno.test("a gigabyte of nonsense is refused at once", () =>
  inFolder(async (folder) => {
    const path = `${folder}/nonsense.gguf`;
    const lies = [
      { bytes: buildHeader({ version: 3, keyCount: 1 }).bytes, code: "gguf-key" },
      {
        bytes: buildHeader({ metadata: [array("a", "string", [], 2n ** 27n - 100n)] }).bytes,
        code: "gguf-too-large",
      },
    ];
    for (const { bytes, code } of lies) {
      await Deno.writeFile(path, bytes);
      await Deno.truncate(path, 2 ** 30);
      const start = performance.now();
      await assertFault(() => readHeader(path), code, path);
      assert(performance.now() - start < 2000);
    }
  }));
