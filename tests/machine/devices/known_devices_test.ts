import { assert, assertEquals, assertNotEquals } from "@std/assert";
import {
  driverIdentity,
  keepKnownDevices,
  type KnownDevice,
  knownDeviceKey,
  knownDevicesPath,
  readKnownDevices,
} from "../../../src/machine/devices/known_devices.ts";

async function withFolder(test: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-known-" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("known devices: what was found out is kept beside what was known, for this user alone", () =>
  withFolder((folder) => {
    const path = `${folder}/made/devices.json`;
    assertEquals(readKnownDevices(path).size, 0);
    keepKnownDevices(path, new Map([["a", { thinks: true }], ["b", { contextBytes: 7 }]]));
    keepKnownDevices(path, new Map<string, KnownDevice>([["a", { contextBytes: 9 }]]));
    assertEquals([...readKnownDevices(path)], [
      ["b", { contextBytes: 7 }],
      ["a", { thinks: true, contextBytes: 9 }],
    ]);
    if (Deno.build.os !== "windows") assertEquals((Deno.statSync(path).mode ?? 0) & 0o777, 0o600);
    assertEquals([...Deno.readDirSync(`${folder}/made`)].length, 1);
  }));

Deno.test("known devices: of a damaged or foreign file nothing is believed", () =>
  withFolder(async (folder) => {
    const path = `${folder}/devices.json`;
    const schema = "brainjar.devices/1";
    for (
      const [text, known] of [
        ["", []],
        ["[1]", []],
        ['{"schema":"another/1","devices":{"a":{"thinks":true}}}', []],
        [JSON.stringify({ schema, devices: [] }), []],
        [JSON.stringify({ schema, devices: { a: 3, b: { thinks: "yes", contextBytes: -1 } } }), [
          ["a", {}],
          ["b", {}],
        ]],
        [JSON.stringify({ schema, devices: { a: { contextBytes: 1.5, thinks: true } } }), [
          ["a", { thinks: true }],
        ]],
        [" ".repeat(300_000), []],
      ] as const
    ) {
      await Deno.writeTextFile(path, text);
      assertEquals([...readKnownDevices(path)], known.map(([key, value]) => [key, { ...value }]));
    }
    assertEquals(readKnownDevices(folder).size, 0);
    assertEquals(readKnownDevices(undefined).size, 0);
  }));

Deno.test("known devices: they hold for a driver, an engine and a device, and no other", async () => {
  const device = { backend: "cuda", name: "NVIDIA L4", engineVersion: "3.21.1" } as const;
  const driver = '["6.1","580.1"]';
  const keys = await Promise.all([
    knownDeviceKey(device, driver),
    knownDeviceKey({ ...device, name: "NVIDIA L40" }, driver),
    knownDeviceKey({ ...device, engineVersion: "3.22.0" }, driver),
    knownDeviceKey({ ...device, backend: "vulkan" }, driver),
    knownDeviceKey(device, '["6.1","580.2"]'),
  ]);
  assertEquals(new Set(keys).size, keys.length);
  assertEquals(await knownDeviceKey({ ...device }, driver), keys[0]);
});

Deno.test("known devices: another driver is told from one before", () =>
  withFolder(async (root) => {
    const identity = (kernel = "6.1.0") => driverIdentity("vulkan", root, kernel);
    const none = identity();
    assertNotEquals(identity("6.2.0"), none);
    await Deno.mkdir(`${root}/sys/module/nvidia`, { recursive: true });
    await Deno.writeTextFile(`${root}/sys/module/nvidia/version`, "580.95.05\n");
    const nvidia = identity();
    assertNotEquals(nvidia, none);
    assert(driverIdentity("cuda", root, "6.1.0").includes("580.95.05"));
    await Deno.mkdir(`${root}/usr/share/vulkan/icd.d`, { recursive: true });
    const manifest = `${root}/usr/share/vulkan/icd.d/lvp_icd.x86_64.json`;
    await Deno.writeTextFile(manifest, "{}");
    await Deno.utime(manifest, 1, 1);
    const first = identity();
    assertNotEquals(first, nvidia);
    assertEquals(identity(), first);
    await Deno.utime(manifest, 2, 2);
    assertNotEquals(identity(), first);
  }));

Deno.test("known devices: they are kept where a user's measurements are", () => {
  assertEquals(
    knownDevicesPath((name) => name === "BRAINJAR_HOME" ? "/b" : "/other"),
    "/b/devices.json",
  );
  assertEquals(knownDevicesPath(() => undefined), undefined);
});
