import { assertEquals } from "@std/assert";
import { type MacSystem, readMetal } from "../../../src/machine/devices/metal.ts";

const GB = 1024 ** 3;

function mac(
  total: number,
  available: number,
  settings: Readonly<Record<string, string>> = {},
): MacSystem {
  return {
    settings: () => Promise.resolve(new Map(Object.entries(settings))),
    memory: () => Promise.resolve({ totalBytes: total * GB, availableBytes: available * GB }),
  };
}

const ROWS: readonly [what: string, system: MacSystem, total: number, available: number][] = [
  ["16 GB: two thirds", mac(16, 15), Math.floor(16 * GB * 2 / 3), Math.floor(16 * GB * 2 / 3)],
  ["16 GB, mostly used", mac(16, 4), Math.floor(16 * GB * 2 / 3), 4 * GB],
  ["36 GB: three quarters", mac(36, 30), 27 * GB, 27 * GB],
  ["64 GB: three quarters", mac(64, 60), 48 * GB, 48 * GB],
  ["a limit that was set", mac(64, 60, { "iogpu.wired_limit_mb": "57344" }), 56 * GB, 56 * GB],
  ["no limit set", mac(64, 60, { "iogpu.wired_limit_mb": "0" }), 48 * GB, 48 * GB],
  ["a limit beyond RAM", mac(64, 60, { "iogpu.wired_limit_mb": "99999999" }), 64 * GB, 60 * GB],
  ["a limit that is no number", mac(64, 60, { "iogpu.wired_limit_mb": "x" }), 48 * GB, 48 * GB],
];
for (const [what, system, total, available] of ROWS) {
  Deno.test(`Metal: ${what}`, async () => {
    const { devices } = await readMetal(system, "aarch64");
    assertEquals(
      devices.map((
        { id, kind, totalBytes, availableBytes, isIntegrated },
      ) => [id, kind, totalBytes, availableBytes, isIntegrated]),
      [
        ["metal:0", "unified", total, available, false],
      ],
    );
  });
}

Deno.test("Metal: the chip's name, and nothing on Intel's processors", async () => {
  const system = mac(16, 8, { "machdep.cpu.brand_string": "Apple M2" });
  assertEquals((await readMetal(system, "aarch64")).devices[0]?.name, "Apple M2");
  assertEquals((await readMetal(system, "x86_64")).devices, []);
});
