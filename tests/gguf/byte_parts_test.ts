import { assert, assertEquals, assertMatch } from "@std/assert";
import { readHeader } from "../../src/gguf/read.ts";
import { buildHeader, text } from "./build_header.ts";
import { assertFault } from "./read_bytes.ts";
import { serving } from "./server.ts";
import { buildPart, partName } from "./split_models.ts";

const MODEL = buildHeader({
  metadata: [text("general.architecture", "llama")],
  tensors: [{ name: "a", dimensions: [4096] }, { name: "b", dimensions: [4096] }],
}).bytes;

/** Names of two pieces as people write them, and of what they make. */
const NAMINGS: readonly [first: string, second: string, whole: string][] = [
  ["m.gguf.part1of2", "m.gguf.part2of2", "m.gguf"],
  ["m.gguf.part01of02", "m.gguf.part02of02", "m.gguf"],
  ["m.gguf.part-1-of-2", "m.gguf.part-2-of-2", "m.gguf"],
  ["m.gguf-part-a", "m.gguf-part-b", "m.gguf"],
  ["m.gguf-split-a", "m.gguf-split-b", "m.gguf"],
  ["m.gguf.part-aa", "m.gguf.part-ab", "m.gguf"],
  ["m.gguf.partaa", "m.gguf.partab", "m.gguf"],
  ["m.gguf.part1", "m.gguf.part2", "m.gguf"],
  ["m.gguf.part.00", "m.gguf.part.01", "m.gguf"],
  ["m.gguf.split-00001-of-00002", "m.gguf.split-00002-of-00002", "m.gguf"],
  ["m.split-00001-of-00002", "m.split-00002-of-00002", "m.gguf"],
  ["m.gguf-00001-of-00002", "m.gguf-00002-of-00002", "m.gguf"],
  ["m.gguf.1of2", "m.gguf.2of2", "m.gguf"],
  ["m.gguf.001", "m.gguf.002", "m.gguf"],
  ["m.gguf.00", "m.gguf.01", "m.gguf"],
  ["m.gguf.1", "m.gguf.2", "m.gguf"],
  ["m.gguf.aa", "m.gguf.ab", "m.gguf"],
  ["m.ggufaa", "m.ggufab", "m.gguf"],
  ["m.part1of2.gguf", "m.part2of2.gguf", "m.gguf"],
  ["m.part-aa.gguf", "m.part-ab.gguf", "m.gguf"],
  ["m-part-1.gguf", "m-part-2.gguf", "m.gguf"],
  ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf", "m.gguf"],
  ["my model's.gguf.part1of2", "my model's.gguf.part2of2", "my model's.gguf"],
  ["xaa", "xab", "model.gguf"],
  ["q.aa", "q.ab", "q.gguf"],
  ["m.001", "m.002", "m.gguf"],
  ["m.part1", "m.part2", "m.gguf"],
];

async function inFolder(
  files: Readonly<Record<string, Uint8Array>>,
  test: (folder: string) => Promise<unknown>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-byte-parts-" });
  try {
    for (const [name, bytes] of Object.entries(files)) {
      await Deno.writeFile(`${folder}/${name}`, bytes);
    }
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Cut in the middle of its tensors' data, and in the middle of its header. */
const CUTS = [MODEL.length - 5000, 40];

for (const [first, second, whole] of NAMINGS) {
  for (const cut of CUTS) {
    Deno.test(`a model cut at ${cut} into ${first} and ${second} is joined as it says`, () =>
      inFolder({ [first]: MODEL.slice(0, cut), [second]: MODEL.slice(cut) }, async (folder) => {
        const asked = [[first, 1], [second, 2]] as const;
        let command = "";
        for (const [name, place] of asked) {
          const error = await assertFault(
            () => readHeader(`${folder}/${name}`),
            "gguf-byte-part",
            `${folder}/${name} is part ${place} of 2`,
          );
          const [, said] = /^Join the parts first: (.*)$/.exec(error.hint ?? "") ?? [];
          if (said === undefined) throw new Error(error.hint);
          command = said;
        }
        const { success } = await new Deno.Command("sh", { args: ["-c", command] }).output();
        assert(success, command);
        assertEquals((await readHeader(`${folder}/${whole}`)).tensors.length, 2);
        const again = await assertFault(() => readHeader(`${folder}/${first}`), "gguf-byte-part");
        assertEquals(again.hint, `They have been joined already: give ${folder}/${whole}`);
      }));
  }
}

Deno.test("twelve parts are joined in the order of their numbers, not of their letters", () => {
  const size = Math.ceil(MODEL.length / 12);
  const names = Array.from({ length: 12 }, (_, index) => `m.gguf.part${index + 1}of12`);
  const files = names.map((name, index): [string, Uint8Array] => [
    name,
    MODEL.slice(index * size, (index + 1) * size),
  ]);
  return inFolder(Object.fromEntries(files), async (folder) => {
    const error = await assertFault(
      () => readHeader(`${folder}/${names[9]}`),
      "gguf-byte-part",
      "part 10 of 12",
    );
    const expected = names.map((name) => `${folder}/${name}`).join(" ");
    assertEquals(error.hint, `Join the parts first: cat ${expected} > ${folder}/m.gguf`);
  });
});

Deno.test("a part that is missing is named", () =>
  inFolder(
    { "m.gguf.part1of3": MODEL.slice(0, 9000), "m.gguf.part3of3": MODEL.slice(20000) },
    async (folder) => {
      const error = await assertFault(
        () => readHeader(`${folder}/m.gguf.part3of3`),
        "gguf-byte-part",
        "part 3 of 3",
      );
      assertMatch(
        error.hint ?? "",
        /^Download m\.gguf\.part2of3 too, into the same folder\. Join /,
      );
    },
  ));

Deno.test("a later part alone is called what it is", () =>
  inFolder({ "m.gguf.part2of2": MODEL.slice(9000) }, async (folder) => {
    const error = await assertFault(
      () => readHeader(`${folder}/m.gguf.part2of2`),
      "gguf-byte-part",
      "part 2 of 2",
    );
    assertMatch(error.hint ?? "", /^Download m\.gguf\.part1of2 too/);
  }));

Deno.test("parts behind those that are there are asked for", () =>
  inFolder(
    { "m.gguf.001": MODEL.slice(0, 9000), "m.gguf.002": MODEL.slice(9000, 20000) },
    async (folder) => {
      const error = await assertFault(
        () => readHeader(`${folder}/m.gguf.001`),
        "gguf-byte-part",
        "part 1 of 2",
      );
      assertMatch(error.hint ?? "", /^Download the parts behind m\.gguf\.002 too/);
    },
  ));

Deno.test("parts that are all there and too short are told from missing ones", () =>
  inFolder(
    { "m.gguf.part1of2": MODEL.slice(0, 9000), "m.gguf.part2of2": MODEL.slice(9000, 20000) },
    async (folder) => {
      const error = await assertFault(
        () => readHeader(`${folder}/m.gguf.part1of2`),
        "gguf-byte-part",
      );
      assertMatch(error.hint ?? "", /^Together they end too early: one of them is shorter/);
    },
  ));

Deno.test("a name that may mean anything is no part without others beside it", () =>
  inFolder(
    { "q.aa": MODEL.slice(0, 9000) },
    (folder) => assertFault(() => readHeader(`${folder}/q.aa`), "gguf-truncated"),
  ));

Deno.test("a part called as llama.cpp's own split calls them, alone, is told by its bytes", () =>
  inFolder({
    "a-00001-of-00002.gguf": MODEL.slice(0, 9000),
    "b-00002-of-00002.gguf": new Uint8Array(9000).fill(0xaa),
    "c-00001-of-00002.gguf": MODEL.slice(0, 40),
    "d-00002-of-00002.gguf": new TextEncoder().encode("<!DOCTYPE html>"),
    [partName(0, 2)]: buildPart(0, 2).slice(0, -8),
    [partName(1, 3)]: buildPart(1, 3).slice(0, -8),
  }, async (folder) => {
    const asked = [
      ["a-00001-of-00002.gguf", "gguf-byte-part"],
      ["b-00002-of-00002.gguf", "gguf-byte-part"],
      // Nothing says which of the two it is.
      ["c-00001-of-00002.gguf", "gguf-lying-length"],
      ["d-00002-of-00002.gguf", "gguf-bad-magic"],
      [partName(0, 2), "gguf-truncated"],
      [partName(1, 3), "gguf-truncated"],
    ] as const;
    for (const [name, code] of asked) {
      const error = await assertFault(() => readHeader(`${folder}/${name}`), code);
      if (code === "gguf-byte-part") {
        assertMatch(error.hint ?? "", /^Download [ab]-0000\d-of-00002\.gguf too/);
      }
    }
  }));

Deno.test("a whole model is read, whatever it is called", () =>
  inFolder({ "m.gguf.part1of2": MODEL, "m.gguf.001": MODEL }, async (folder) => {
    for (const name of ["m.gguf.part1of2", "m.gguf.001"]) {
      assertEquals((await readHeader(`${folder}/${name}`)).tensors.length, 2);
    }
  }));

Deno.test("what isn't a model at all is called that, part or not", () =>
  inFolder(
    { "m.gguf.part1of2": new TextEncoder().encode("<!DOCTYPE html><html>") },
    (folder) =>
      assertFault(() => readHeader(`${folder}/m.gguf.part1of2`), "gguf-bad-magic", "a web page"),
  ));

Deno.test("parts of an archive are to be unpacked", () => {
  const start = new TextEncoder().encode("7z\xbc\xaf");
  const archive = Uint8Array.of(0x37, 0x7a, 0xbc, 0xaf, ...start, ...new Uint8Array(100));
  return inFolder(
    { "m.gguf.7z.001": archive, "m.gguf.7z.002": archive.slice(9) },
    async (folder) => {
      for (const name of ["m.gguf.7z.001", "m.gguf.7z.002"]) {
        const error = await assertFault(() => readHeader(`${folder}/${name}`), "gguf-byte-part");
        assertEquals(error.hint, `Unpack them: 7z x ${folder}/m.gguf.7z.001`);
      }
    },
  );
});

Deno.test("a part on a server is called what it is", () =>
  serving((request) => {
    const [first, last] = (request.headers.get("range") ?? "").match(/\d+/g)?.map(Number) ?? [];
    const file = MODEL.slice(9000);
    const end = Math.min((last ?? 0) + 1, file.length);
    return new Response(file.slice(first, end), {
      status: 206,
      headers: { "content-range": `bytes ${first}-${end - 1}/${file.length}` },
    });
  }, async (origin) => {
    const error = await assertFault(
      () => readHeader(`${origin}/m.gguf.part2of2?x=1`),
      "gguf-byte-part",
      "part 2 of 2",
    );
    assertEquals(
      error.hint,
      "Download all parts and join them: cat m.gguf.part1of2 m.gguf.part2of2 > m.gguf",
    );
  }));
