import { assertEquals } from "@std/assert";
import { readHeader } from "../../src/gguf/read.ts";
import { assertFault } from "./read_bytes.ts";
import { buildPart, type PartLie, partName, partTensors } from "./split_models.ts";

/** Writes a model of three parts, some of them lying or (null) left out. */
async function inFolder(
  lies: Readonly<Record<number, PartLie | null>>,
  test: (path: (part: number) => string) => Promise<unknown>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-split-" });
  const path = (part: number) => `${folder}/${partName(part, 3)}`;
  try {
    for (const part of [0, 1, 2]) {
      const lie = lies[part];
      if (lie !== null) await Deno.writeFile(path(part), buildPart(part, 3, lie));
    }
    await test(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("a split model is read as one, whichever part is named", () =>
  inFolder({}, async (path) => {
    const header = await readHeader(path(0));
    assertEquals(header.metadata.get("general.architecture"), "llama");
    assertEquals(header.metadata.get("split.no"), 0);
    assertEquals(
      header.tensors.map(({ name, part }) => [name, part]),
      [0, 1, 2].flatMap((part) => partTensors(part).map(({ name }) => [name, part])),
    );
    assertEquals(header.parts.map((part) => part.path), [path(0), path(1), path(2)]);
    assertEquals(
      header.fileBytes,
      [0, 1, 2].reduce((sum, part) => sum + Deno.statSync(path(part)).size, 0),
    );
    assertEquals(await readHeader(path(1)), header);
    assertEquals(await readHeader(path(2)), header);
  }));

for (const missing of [1, 2]) {
  Deno.test(`part ${missing + 1} is missing`, () =>
    inFolder({ [missing]: null }, (path) =>
      assertFault(
        () => readHeader(path(0)),
        "gguf-split-missing",
        `Part ${missing + 1} of 3`,
        path(missing),
      )));
}

Deno.test("the first part is missing", () =>
  inFolder(
    { 0: null },
    (path) => assertFault(() => readHeader(path(2)), "gguf-split-missing", "Part 1 of 3", path(0)),
  ));

Deno.test("the part that was asked for is missing", () =>
  inFolder({ 1: null }, async (path) => {
    const error = await assertFault(() => readHeader(path(1)), "model-not-found");
    assertEquals(error.message, `Model file not found: ${path(1)}`);
  }));

const LIES: readonly [name: string, part: number, lie: PartLie, code: string, piece: string][] = [
  ["another number", 1, { number: 2 }, "gguf-split-mismatch", "split.no is 2, not 1"],
  ["no number", 1, { number: null }, "gguf-split-mismatch", "split.no is missing"],
  ["another count", 2, { count: 4 }, "gguf-split-mismatch", "split.count is 4, not 3"],
  [
    "another model",
    1,
    { architecture: "gemma" },
    "gguf-split-mismatch",
    "general.architecture is another",
  ],
  ["another byte order", 2, { bigEndian: true }, "gguf-split-mismatch", "byte order"],
  [
    "the tensors of another part",
    1,
    { tensors: partTensors(0) },
    "gguf-duplicate-tensor",
    "blk.0.a",
  ],
  ["too few tensors", 2, { tensors: [] }, "gguf-split-mismatch", "4 tensors"],
];

for (const [name, part, lie, code, piece] of LIES) {
  Deno.test(`a part that doesn't belong is refused: ${name}`, () =>
    inFolder({ [part]: lie }, (path) => assertFault(() => readHeader(path(0)), code, piece)));
}

Deno.test("a part without a count of its own is taken, as llama.cpp takes it", () =>
  inFolder({ 1: { count: null } }, async (path) => {
    assertEquals((await readHeader(path(0))).parts.length, 3);
  }));

Deno.test("parts that were renamed are refused, whole models may have any name", async () => {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-split-" });
  try {
    const renamed = `${folder}/model.gguf`;
    await Deno.writeFile(renamed, buildPart(0, 3));
    await assertFault(() => readHeader(renamed), "gguf-split-name", renamed, "part 1 of 3");
    const second = `${folder}/${partName(1, 3)}`;
    await Deno.writeFile(second, buildPart(0, 3));
    await assertFault(() => readHeader(second), "gguf-split-name", "part 1 of 3");
    await Deno.writeFile(second, buildPart(0, 1, { number: null, count: null }));
    assertEquals((await readHeader(second)).parts.length, 1);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
