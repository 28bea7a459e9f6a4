import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { GgufHeader } from "../../src/gguf/header.ts";
import {
  calibrationKey,
  calibrationPath,
  parseCalibrations,
  readCalibrations,
  saveCalibration,
} from "../../src/machine/calibrations.ts";
import { namedCpu } from "../../src/machine/named_cpu.ts";

const HEADER: GgufHeader = {
  version: 3,
  byteOrder: "little",
  alignment: 32,
  metadataTypes: new Map(),
  metadata: new Map(),
  tensors: [{ name: "a", dimensions: [32, 2], type: 8, offset: 0, part: 0 }],
  parts: [],
  fileBytes: 164,
};

Deno.test("calibrations: BRAINJAR_HOME, then XDG_STATE_HOME, then the home folder", () => {
  const path = (variables: Record<string, string>) => calibrationPath((name) => variables[name]);
  const home = { HOME: "/home/a" };
  assertEquals(path(home), "/home/a/.local/state/brainjar/calibrations.json");
  assertEquals(path({ ...home, XDG_STATE_HOME: "/s" }), "/s/brainjar/calibrations.json");
  assertEquals(
    path({ ...home, XDG_STATE_HOME: "s" }),
    "/home/a/.local/state/brainjar/calibrations.json",
  );
  assertEquals(path({ ...home, BRAINJAR_HOME: "/b" }), "/b/calibrations.json");
  assertEquals(path({}), undefined);
});

Deno.test("calibrations: kept for this model, this processor, this way of loading", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const path = `${folder}/state/calibrations.json`;
    assertEquals(readCalibrations(path).ratios.size, 0);
    const haswell = namedCpu("haswell", 4);
    const key = await calibrationKey(HEADER, haswell, { mmap: true });
    saveCalibration(path, key, 1.02);
    saveCalibration(path, "other", 0.98);
    saveCalibration(path, key, 1.03);
    const { ratios, warning } = readCalibrations(path);
    assertEquals([...ratios], [["other", 0.98], [key, 1.03]]);
    assertEquals(warning, undefined);
    assertEquals([...Deno.readDirSync(`${folder}/state`)].map(({ name }) => name), [
      "calibrations.json",
    ]);
    for (
      const other of [
        calibrationKey({ ...HEADER, fileBytes: 165 }, haswell, { mmap: true }),
        calibrationKey({ ...HEADER, tensors: [] }, haswell, { mmap: true }),
        calibrationKey(HEADER, namedCpu("znver4", 4), { mmap: true }),
        calibrationKey(HEADER, haswell, { mmap: false }),
      ]
    ) assertNotEquals(await other, key);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("calibrations: a damaged file is warned of and ignored", () => {
  for (const text of ["", "{", "[]", "null", '{"schema":"x","ratios":{}}', '{"ratios":{"a":1}}']) {
    const { ratios, warning } = parseCalibrations(text, "/c");
    assertEquals(ratios.size, 0);
    assert(warning?.includes("/c"), text);
  }
  const odd = '{"schema":"brainjar.calibrations/1","ratios":{"a":"1","b":-1,"c":1.5,"d":null}}';
  assertEquals([...parseCalibrations(odd, "/c").ratios], [["c", 1.5]]);
});

Deno.test({
  name: "calibrations: a pipe in the file's place is warned of and not waited for",
  ignore: Deno.build.os === "windows",
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      const path = `${folder}/calibrations.json`;
      await new Deno.Command("mkfifo", { args: [path] }).output();
      const { ratios, warning } = readCalibrations(path);
      assertEquals(ratios.size, 0);
      assert(warning?.includes(path));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
