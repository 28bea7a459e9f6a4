import { assert, assertEquals } from "@std/assert";
import { MB } from "../../../src/budget/size.ts";
import { mayHaveDevices } from "../../../src/machine/devices/presence.ts";
import { type DeviceOptions, readDevices } from "../../../src/machine/devices/read_devices.ts";
import type { DevicesRead } from "../../../src/machine/devices/reading.ts";
import { MACHINES, recordedNvml } from "./recorded_nvml.ts";

/** Id, name, kind, total and available in MB. */
type Row = readonly [id: string, name: string, kind: string, total: number, available: number];

interface Expected {
  readonly machine: string;
  readonly what: string;
  readonly backend?: DeviceOptions["backend"];
  readonly variables?: Readonly<Record<string, string>>;
  readonly devices: readonly Row[];
  readonly leftOut?: readonly (readonly [name: string, reason: string])[];
  readonly warnings?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

const H100 = "NVIDIA H100 80GB HBM3";
const uuid = (number: number) =>
  `GPU-${number.toString(16).padStart(8, "0")}-1111-2222-3333-${
    number.toString(16).padStart(12, "0")
  }`;
const mig = (number: number) =>
  `MIG-${number.toString(16).padStart(8, "0")}-aaaa-bbbb-cccc-${
    number.toString(16).padStart(12, "0")
  }`;
const h100 = (index: number, used = 0): Row => [
  `cuda:${index}`,
  H100,
  "device",
  81559 - 551,
  81559 - 551 - used,
];
const A100 = "NVIDIA A100-SXM4-40GB";
const INTEGRATED = "integrated, which llama.cpp uses only where there is no other";
const RX = "AMD Radeon RX 7900 XTX";
const RX_ROW: Row = [
  "vulkan:0",
  RX,
  "device",
  25753026560 / MB,
  (25753026560 - 1287180288) / MB,
];

const EXPECTED: readonly Expected[] = [
  { machine: "no_device", what: "a display that nothing computes on is none", devices: [] },
  { machine: "one_card", what: "one card, less what its driver keeps", devices: [h100(0)] },
  {
    machine: "one_card",
    what: "the same card by Vulkan has the same memory",
    backend: "vulkan",
    devices: [["vulkan:0", H100, "device", 81008, 81008]],
  },
  { machine: "one_card", what: "nothing of Apple's", backend: "metal", devices: [] },
  {
    machine: "eight_cards",
    what: "eight cards, one of them in use",
    devices: [0, 1, 2, 3, 4, 5, 6, 7].map((index) => h100(index, index === 3 ? 30000 : 0)),
  },
  {
    machine: "eight_cards",
    what: "two of eight, numbered in the order of the list",
    variables: { CUDA_VISIBLE_DEVICES: "3,1" },
    devices: [h100(0, 30000), h100(1)],
    leftOut: [0, 2, 4, 5, 6, 7].map((index) => [
      `${H100} (${uuid(0xa0 + index)})`,
      "hidden by CUDA_VISIBLE_DEVICES",
    ]),
  },
  {
    machine: "mig",
    what: "one compute instance of each GPU instance, and the card that isn't split",
    devices: [
      ["cuda:0", `${A100} MIG 2c.3g.20gb`, "device", 19968, 19931],
      ["cuda:1", `${A100} MIG 1g.5gb`, "device", 4864, 4852],
      ["cuda:2", `${A100} MIG 1g.5gb`, "device", 4864, 4852],
      ["cuda:3", A100, "device", 40403, 40403],
    ],
    leftOut: [[
      `${A100} MIG 1c.3g.20gb (${mig(0xd2)})`,
      "CUDA shows it to no process that sees another MIG device",
    ]],
    environment: {
      CUDA_VISIBLE_DEVICES: [mig(0xd1), mig(0xd3), mig(0xd4), uuid(0xc2)].join(","),
    },
  },
  {
    machine: "mig_older_driver",
    what: "older drivers show a process one MIG device and no other",
    devices: [["cuda:0", `${A100} MIG 2c.3g.20gb`, "device", 19968, 19931]],
    leftOut: [
      [
        `${A100} MIG 1c.3g.20gb (${mig(0xd2)})`,
        "CUDA shows it to no process that sees another MIG device",
      ],
      [
        `${A100} MIG 1g.5gb (${mig(0xd3)})`,
        "CUDA shows it to no process that sees another MIG device",
      ],
      [
        `${A100} MIG 1g.5gb (${mig(0xd4)})`,
        "CUDA shows it to no process that sees another MIG device",
      ],
      [`${A100} (${uuid(0xc2)})`, "CUDA shows it to no process that sees another MIG device"],
    ],
    environment: { CUDA_VISIBLE_DEVICES: mig(0xd1) },
  },
  {
    machine: "filled_card",
    what: "a card that another process fills",
    devices: [["cuda:0", "NVIDIA GeForce RTX 4090", "device", 24123, 723]],
  },
  {
    machine: "unequal_cards",
    what: "unequal cards are named to the engine, in their order on the bus",
    devices: [
      ["cuda:0", "Tesla T4", "device", 14915, 14915],
      ["cuda:1", "NVIDIA GeForce RTX 4090", "device", 24123, 24123],
      ["cuda:2", "NVIDIA GeForce RTX 3090", "device", 24268, 24268],
    ],
    environment: { CUDA_VISIBLE_DEVICES: [uuid(1), uuid(2), uuid(3)].join(",") },
  },
  {
    machine: "unequal_cards",
    what: "a number means a card of CUDA's own order, which isn't sure",
    variables: { CUDA_VISIBLE_DEVICES: "0,2" },
    devices: [
      ["cuda:0", "NVIDIA GeForce RTX 4090", "device", 24123, 24123],
      ["cuda:1", "NVIDIA GeForce RTX 3090", "device", 24268, 24268],
    ],
    leftOut: [[`Tesla T4 (${uuid(1)})`, "hidden by CUDA_VISIBLE_DEVICES"]],
    warnings: ["device-order-unknown"],
    environment: { CUDA_VISIBLE_DEVICES: [uuid(2), uuid(3)].join(",") },
  },
  {
    machine: "unequal_cards",
    what: "a number is sure where CUDA is told to go by the bus",
    variables: { CUDA_VISIBLE_DEVICES: "0,2", CUDA_DEVICE_ORDER: "PCI_BUS_ID" },
    devices: [
      ["cuda:0", "Tesla T4", "device", 14915, 14915],
      ["cuda:1", "NVIDIA GeForce RTX 3090", "device", 24268, 24268],
    ],
    leftOut: [[`NVIDIA GeForce RTX 4090 (${uuid(2)})`, "hidden by CUDA_VISIBLE_DEVICES"]],
  },
  {
    machine: "unequal_cards",
    what: "Vulkan's layers may number unequal devices otherwise",
    backend: "vulkan",
    devices: [
      ["vulkan:0", "Tesla T4", "device", 14915, 14915],
      ["vulkan:1", "NVIDIA GeForce RTX 4090", "device", 24123, 24123],
      ["vulkan:2", "NVIDIA GeForce RTX 3090", "device", 24268, 24268],
    ],
    warnings: ["device-order-unknown"],
  },
  {
    machine: "lost_card",
    what: "a card that has fallen off the bus is no pool",
    devices: [h100(0), h100(1)],
    warnings: ["device-unreadable"],
  },
  {
    machine: "unreadable_memory",
    what: "a card whose memory can't be told is hidden from the engine",
    devices: [h100(0)],
    warnings: ["device-unreadable"],
    environment: { CUDA_VISIBLE_DEVICES: uuid(0xa1) },
  },
  {
    machine: "driver_mismatch",
    what: "a library that doesn't fit its driver",
    devices: [],
    warnings: ["device-driver-failed"],
  },
  {
    machine: "old_driver",
    what: "a driver that doesn't tell what it keeps",
    devices: [["cuda:0", "Quadro P4000", "device", 8119, 7819]],
  },
  {
    machine: "card_without_memory",
    what: "a GPU that has RAM alone",
    devices: [["cuda:0", "NVIDIA GB10", "unified", 120 * 1024, 100 * 1024]],
  },
  {
    machine: "nonsense",
    what: "answers that can't be are no pools",
    devices: [],
    warnings: Array.from({ length: 6 }, () => "device-unreadable"),
  },
  {
    machine: "thousand_cards",
    what: "a thousand cards aren't counted on",
    devices: [],
    warnings: ["device-unreadable"],
  },
  {
    machine: "laptop",
    what: "by CUDA NVIDIA's alone",
    backend: "cuda",
    devices: [["cuda:0", "NVIDIA GeForce RTX 4060 Laptop GPU", "device", 7880, 7878]],
  },
  {
    machine: "laptop",
    what: "by Vulkan the discrete one, once",
    backend: "vulkan",
    devices: [["vulkan:0", "NVIDIA GeForce RTX 4060 Laptop GPU", "device", 7880, 7878]],
    leftOut: [["Intel GPU 46a6 (i915) (0000:00:02.0)", INTEGRATED]],
  },
  {
    machine: "laptop",
    what: "all in all each device once",
    devices: [["cuda:0", "NVIDIA GeForce RTX 4060 Laptop GPU", "device", 7880, 7878]],
    leftOut: [["Intel GPU 46a6 (i915) (0000:00:02.0)", INTEGRATED]],
  },
  {
    machine: "amd_discrete_and_integrated",
    what: "an integrated one beside a discrete one isn't used",
    devices: [RX_ROW],
    leftOut: [["AMD Radeon Graphics (0000:0e:00.0)", INTEGRATED]],
  },
  {
    machine: "amd_discrete_and_integrated",
    what: "the integrated one, where it is asked for",
    variables: { GGML_VK_VISIBLE_DEVICES: "1" },
    devices: [[
      "vulkan:0",
      "AMD Radeon Graphics",
      "unified",
      (536870912 + 33499664384) / MB,
      (536870912 + 33499664384 - 29450240 - 16777216) / MB,
    ]],
    leftOut: [[`${RX} (0000:03:00.0)`, "hidden by GGML_VK_VISIBLE_DEVICES"]],
  },
  {
    machine: "amd_discrete_and_integrated",
    what: "one that is named twice is two, which share it",
    variables: { GGML_VK_VISIBLE_DEVICES: "0,0" },
    devices: [RX_ROW, RX_ROW].map(([, name, kind, total, available], index) => [
      `vulkan:${index}`,
      name,
      kind,
      total / 2,
      available / 2,
    ]),
    leftOut: [["AMD Radeon Graphics (0000:0e:00.0)", "hidden by GGML_VK_VISIBLE_DEVICES"]],
  },
  { machine: "amd_discrete_and_integrated", what: "no CUDA", backend: "cuda", devices: [] },
  {
    machine: "amd_integrated",
    what: "an integrated one alone: what is set aside, and what it may take of RAM",
    devices: [[
      "vulkan:0",
      "AMD GPU 15bf (amdgpu)",
      "unified",
      (536870912 + 16601088000) / MB,
      (536870912 + 16601088000 - 503316480 - 1048576000) / MB,
    ]],
  },
  {
    machine: "amd_set_aside",
    what: "an integrated one with most set aside: that is no RAM",
    devices: [[
      "vulkan:0",
      "AMD GPU 1586 (amdgpu)",
      "device",
      103079215104 / MB,
      (103079215104 - 209715200) / MB,
    ]],
  },
  {
    machine: "amd_unreadable",
    what: "fuller than its total",
    devices: [],
    warnings: ["device-unreadable"],
  },
  {
    machine: "intel_integrated",
    what: "Intel's integrated one has its share of RAM",
    devices: [["vulkan:0", "Intel GPU 7d55 (xe)", "unified", 12 * 1024, 12 * 1024]],
  },
  {
    machine: "intel_discrete",
    what: "Intel's discrete one tells nothing",
    devices: [],
    warnings: ["device-unreadable"],
  },
  {
    machine: "nouveau",
    what: "NVIDIA's by a driver that tells nothing",
    devices: [],
    warnings: ["device-unreadable"],
  },
];

function read(
  { machine, backend, variables = {} }: Pick<Expected, "machine" | "backend" | "variables">,
): Promise<DevicesRead> {
  const root = new URL(machine, MACHINES).pathname;
  const isNvidia = [...Deno.readDirSync(root)].some(({ name }) => name === "nvml.json");
  return readDevices({
    root,
    environment: (name) => variables[name],
    ...(backend === undefined ? {} : { backend }),
    ...(isNvidia ? { nvml: recordedNvml(machine) } : {}),
  });
}

for (const expected of EXPECTED) {
  Deno.test(`devices: ${expected.machine}: ${expected.what}`, async () => {
    const { devices, leftOut, warnings, environment } = await read(expected);
    assertEquals(
      devices.map(({ id, name, kind, totalBytes, availableBytes }) => [
        id,
        name,
        kind,
        totalBytes / MB,
        availableBytes / MB,
      ]),
      expected.devices.map((row) => [...row]),
    );
    assertEquals(
      leftOut.map(({ name, reason }) => [name, reason]),
      (expected.leftOut ?? []).map((row) => [...row]),
    );
    assertEquals(warnings.map(({ code }) => code), expected.warnings ?? []);
    assertEquals(environment, expected.environment);
    for (const { totalBytes, availableBytes, sources, backend, id } of devices) {
      assert(id.startsWith(`${backend}:`));
      assertEquals(sources.map(({ figure, bytes, decides }) => [figure, bytes, decides]), [
        ["total", totalBytes, true],
        ["available", availableBytes, true],
      ]);
      for (const { terms, bytes } of sources) {
        assertEquals(terms?.reduce((sum, term) => sum + term.bytes, 0) ?? bytes, bytes);
      }
    }
  });
}

Deno.test("devices: every recorded machine has its row", () => {
  const machines = [...Deno.readDirSync(MACHINES)].map(({ name }) => name);
  assertEquals(
    machines.toSorted(),
    [...new Set(EXPECTED.map(({ machine }) => machine))].toSorted(),
  );
});

Deno.test("devices: a machine without any isn't asked", () => {
  for (const { name } of Deno.readDirSync(MACHINES)) {
    const root = new URL(name, MACHINES).pathname;
    assertEquals(mayHaveDevices(root), name !== "no_device");
  }
});

Deno.test("devices: what decides what it costs to compute there", async () => {
  const one = await read({ machine: "one_card" });
  const [card] = one.devices;
  assertEquals(card?.computeCapability, 90);
  assertEquals(card?.multiprocessors, 132);
  assertEquals(card?.driverVersion, "580.95.05");
  assertEquals(card?.cudaDriverVersion, 13000);
  assertEquals(card?.pciBusId, "0000:19:00.0");
  const split = await read({ machine: "mig" });
  assertEquals(split.devices.map(({ multiprocessors }) => multiprocessors), [28, 14, 14, 108]);
  const old = await read({ machine: "old_driver" });
  assertEquals(old.devices[0]?.multiprocessors, undefined);
});

Deno.test("devices: warnings say which and why", async () => {
  const { warnings } = await read({ machine: "nonsense" });
  const [first = "", second = ""] = warnings.map(({ message }) => message);
  assertEquals(
    first,
    `The memory of ${H100} (${uuid(0xa0)}) can't be told: nvmlDeviceGetMemoryInfo_v2 answers ` +
      "a total of 0 bytes",
  );
  assert(second.includes("94371840000 bytes in use of 85520809984"), second);
});
