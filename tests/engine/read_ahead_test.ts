import { assert, assertEquals } from "@std/assert";
import { parseMappings, readPageByPage } from "../../src/engine/read_ahead.ts";
import { sparseRanges } from "../../src/footprint/sparse_ranges.ts";
import { readHeader } from "../../src/gguf/read.ts";
import { readCpuFeatures } from "../../src/machine/cpu.ts";
import { withModel } from "./models.ts";

const PAGE = 4096;

/** Bytes of a file's mappings that the kernel was told to read page by page, and all of them. */
function mappedBytes(path: string): { random: number; all: number } {
  const found = { random: 0, all: 0 };
  let mine = 0;
  for (const line of Deno.readTextFileSync("/proc/self/smaps").split("\n")) {
    const [mapping] = parseMappings(line);
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) {
      mine = mapping?.path === path ? mapping.end - mapping.start : 0;
      found.all += mine;
    }
    // proc_pid_smaps(5): "rr" is random read advice.
    if (line.startsWith("VmFlags:") && / rr( |$)/.test(line)) found.random += mine;
  }
  return found;
}

Deno.test({
  name: "a loaded model's embedding is read page by page, its matrices are read ahead",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await withModel("60m-q8_0", async (path, engine) => {
      const sparse = await sparseRanges(await readHeader(path), await readCpuFeatures());
      const model = await engine.load(path, { mmap: true, sparse });
      const { random, all } = mappedBytes(path);
      const wanted = sparse.reduce((sum, { start, end }) => sum + end - start, 0);
      assert(all > 0 && random < all, `${random} of ${all}`);
      // llama.cpp keeps no mapping of what lies before its first weight and behind its last.
      assert(random > wanted / 2 && random <= wanted, `${random} of ${wanted}`);
      await model.dispose();
    }, { layers: 2, vocabularySize: 20000 });
  },
});

Deno.test({
  name: "a tied embedding that every token multiplies is read ahead like any matrix",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    for (const preset of ["60m-q8_0", "tiny-mamba"]) {
      await withModel(preset, async (path, engine) => {
        const sparse = await sparseRanges(await readHeader(path), await readCpuFeatures());
        const model = await engine.load(path, { mmap: true, sparse });
        const { random, all } = mappedBytes(path);
        // What is left to be told is the header, and what no layer's end fills.
        assert(all > 0 && random < all / 20, `${preset}: ${random} of ${all}`);
        await model.dispose();
      }, { layers: 2, vocabularySize: 20000, type: "F32", tied: true });
    }
  },
});

Deno.test({
  name: "without a mapping there is nothing to tell",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await withModel("60m-q8_0", async (path, engine) => {
      const sparse = await sparseRanges(await readHeader(path), await readCpuFeatures());
      const model = await engine.load(path, { mmap: false, sparse });
      assertEquals(readPageByPage(sparse), 0);
      await model.dispose();
    }, { layers: 2, vocabularySize: 2000 });
  },
});

Deno.test("files that aren't there or aren't mapped are left alone", () => {
  assertEquals(readPageByPage([]), 0);
  assertEquals(readPageByPage([{ path: "/no/such/file", start: 0, end: PAGE }]), 0);
  assertEquals(readPageByPage([{ path: Deno.execPath(), start: 0, end: 10 }]), 0);
});

Deno.test("mappings: paths with blanks, lines without a path", () => {
  const maps = "00400000-00452000 r-xp 00001000 08:02 173521      /usr/bin/a b (deleted)\n" +
    "00e03000-00e24000 rw-p 00000000 00:00 0           [heap]\n" +
    "35b1800000-35b1820000 r-xp 00000000 00:00 0 \n";
  assertEquals(parseMappings(maps), [
    { path: "/usr/bin/a b (deleted)", address: 0x400000, start: 0x1000, end: 0x53000 },
  ]);
});
