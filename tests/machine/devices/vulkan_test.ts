import { assertEquals } from "@std/assert";
import fc from "fast-check";
import type { DeviceReading } from "../../../src/machine/devices/reading.ts";
import { readDrm } from "../../../src/machine/devices/drm.ts";
import { vulkanDevices } from "../../../src/machine/devices/vulkan.ts";
import { fakeFiles, type FakeTree } from "../fake_files.ts";

function reading(pciBusId: string, isIntegrated = false, totalBytes = 1024): DeviceReading {
  return {
    id: "vulkan",
    backend: "vulkan",
    kind: isIntegrated ? "unified" : "device",
    isIntegrated,
    name: "Card",
    pciBusId,
    totalBytes,
    availableBytes: totalBytes,
    reservedBytes: 0,
    sources: [],
  };
}

const LAPTOP = [reading("0000:00:02.0", true), reading("0000:01:00.0"), reading("0000:03:00.0")];

function read(visible: string | undefined, found: readonly DeviceReading[] = LAPTOP) {
  const { devices, warnings } = vulkanDevices(
    found,
    (name) => name === "GGML_VK_VISIBLE_DEVICES" ? visible : undefined,
  );
  return {
    places: devices.map(({ pciBusId }) => pciBusId),
    codes: warnings.map((one) => one.code),
  };
}

const LISTS: readonly [visible: string | undefined, places: readonly string[], codes?: string[]][] =
  [
    [undefined, ["0000:01:00.0", "0000:03:00.0"]],
    ["", []],
    ["1", ["0000:03:00.0"]],
    ["1,0", ["0000:03:00.0", "0000:01:00.0"]],
    ["2", ["0000:00:02.0"]],
    ["2 0", ["0000:01:00.0"]],
    ["0,0", ["0000:01:00.0", "0000:01:00.0"]],
    ["0,3", ["0000:01:00.0"], ["device-unknown"]],
    ["0,x,1", ["0000:01:00.0"]],
    ["-1", []],
  ];
for (const [visible, places, codes = []] of LISTS) {
  Deno.test(`GGML_VK_VISIBLE_DEVICES=${visible}: ${places.length} devices`, () => {
    assertEquals(read(visible), { places: [...places], codes });
  });
}

Deno.test("Vulkan: whatever is listed, no memory is given out twice", () => {
  fc.assert(fc.property(fc.array(fc.nat(4), { maxLength: 6 }), (indices) => {
    const { devices } = vulkanDevices(LAPTOP, () => indices.join(","));
    for (const { pciBusId } of LAPTOP) {
      const shares = devices.filter((device) => device.pciBusId === pciBusId);
      const sum = shares.reduce((bytes, { totalBytes }) => bytes + totalBytes, 0);
      assertEquals(sum <= 1024, true);
    }
  }));
});

Deno.test("Vulkan: unequal discrete devices may be numbered otherwise, and so may selected ones", () => {
  const unequal = [reading("0000:01:00.0"), reading("0000:03:00.0", false, 2048)];
  assertEquals(read(undefined, unequal).codes, ["device-order-unknown"]);
  const { warnings } = vulkanDevices(LAPTOP, (name) => name === "DRI_PRIME" ? "1" : undefined);
  assertEquals(warnings.map(({ code }) => code), ["device-order-unknown"]);
});

const NODE = "/sys/class/drm/renderD128/device";

function amd(more: FakeTree, slot = "0000:c4:00.0"): FakeTree {
  return {
    [`${NODE}/vendor`]: "0x1002\n",
    [`${NODE}/device`]: "0x15bf\n",
    [`${NODE}/uevent`]: `DRIVER=amdgpu\nPCI_SLOT_NAME=${slot}\n`,
    [`${NODE}/mem_info_vram_total`]: "100\n",
    [`${NODE}/mem_info_vram_used`]: "40\n",
    [`${NODE}/mem_info_gtt_total`]: "1000\n",
    [`${NODE}/mem_info_gtt_used`]: "10\n",
    ...more,
  };
}

const AMD: readonly [what: string, tree: FakeTree, kind: string | undefined, total?: number][] = [
  ["a card", amd({}), "device", 100],
  [
    "by its slot's security processor",
    amd({ "/sys/bus/pci/devices/0000:c4:00.2/class": "0x108000\n" }),
    "unified",
    1100,
  ],
  [
    "another device in its slot",
    amd({ "/sys/bus/pci/devices/0000:c4:00.2/class": "0x0c0330\n" }),
    "device",
    100,
  ],
  [
    "by its northbridge's voltage, asleep",
    amd({ [`${NODE}/hwmon/hwmon1/in1_input`]: new Error("asleep") }),
    "unified",
    1100,
  ],
  ["on the processor's own bus", amd({}, "0000:00:01.0"), "unified", 1100],
  ["a figure that is no number", amd({ [`${NODE}/mem_info_vram_total`]: "lots\n" }), undefined],
  [
    "a figure that can't be read",
    amd({ [`${NODE}/mem_info_vram_used`]: new Error("denied") }),
    undefined,
  ],
  ["a total of zero", amd({ [`${NODE}/mem_info_vram_total`]: "0\n" }), undefined],
  ["fuller than its total", amd({ [`${NODE}/mem_info_vram_used`]: "101\n" }), undefined],
];
for (const [what, tree, kind, total] of AMD) {
  Deno.test(`AMD: ${what}: ${kind ?? "a warning"}`, () => {
    const { readings, warnings } = readDrm(fakeFiles(tree), ["renderD128"], new Set());
    assertEquals(
      readings.map((one) => [one.kind, one.totalBytes]),
      kind ? [[kind, total ?? 0]] : [],
    );
    assertEquals(warnings.map(({ code }) => code), kind ? [] : ["device-unreadable"]);
  });
}

Deno.test("sysfs: a device that isn't on the bus, or another's, is left to the engine", () => {
  const trees: readonly FakeTree[] = [
    {},
    { [`${NODE}/uevent`]: "DRIVER=panfrost\nOF_NAME=gpu\n" },
    {
      [`${NODE}/vendor`]: "0x1af4\n",
      [`${NODE}/uevent`]: "DRIVER=virtio_gpu\nPCI_SLOT_NAME=0000:00:01.0\n",
    },
  ];
  for (const tree of trees) {
    const found = readDrm(fakeFiles(tree), ["renderD128"], new Set());
    assertEquals(found, { readings: [], warnings: [] });
  }
});
