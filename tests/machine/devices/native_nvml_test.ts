import { assert, assertEquals, assertRejects } from "@std/assert";
import { MB } from "../../../src/budget/size.ts";
import { openNvml } from "../../../src/machine/devices/native_nvml.ts";
import { NvmlFailure, NvmlMissing } from "../../../src/machine/devices/nvml.ts";
import { nvmlLibrary } from "../../../src/machine/devices/nvml_source.ts";
import { readDevices } from "../../../src/machine/devices/read_devices.ts";
import { MACHINES } from "./recorded_nvml.ts";

// The real calls, on a library made here: C's structures, errors, and a driver that hangs.

const SOURCE = new URL("./fake_nvml.c", import.meta.url).pathname;

/** The library, and one of an older driver; why there is none where there is no compiler. */
async function compile(): Promise<{ readonly now: string; readonly older: string } | string> {
  if (Deno.build.os !== "linux") return "it is written for Linux";
  const folder = await Deno.makeTempDir();
  globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  const [now, older] = [`${folder}/now.so`, `${folder}/older.so`];
  try {
    for (const [library, ...flags] of [[now], [older, "-DWITHOUT_VERSION_2"]] as const) {
      const args = ["-shared", "-fPIC", "-O1", ...flags, "-o", library ?? "", SOURCE, "-lpthread"];
      const { success, stderr } = await new Deno.Command("gcc", { args }).output();
      if (!success) return new TextDecoder().decode(stderr);
    }
  } catch {
    return "there is no gcc";
  }
  return { now, older };
}

const libraries = await compile();
const skipped = typeof libraries === "string" ? ` (skipped: ${libraries})` : "";
const paths = typeof libraries === "string" ? { now: "", older: "" } : libraries;
const root = new URL("one_card", MACHINES).pathname;

function behave(how: string): Disposable {
  Deno.env.set("FAKE_NVML", how);
  return { [Symbol.dispose]: () => Deno.env.delete("FAKE_NVML") };
}

const read = (library: string, holders = false) =>
  readDevices({ root, nvml: nvmlLibrary([library]), holders, environment: () => undefined });

Deno.test({
  name: `NVML: structures are read as C lays them out${skipped}`,
  ignore: skipped !== "",
  fn: async () => {
    const { devices: [card, ...others], warnings } = await read(paths.now);
    assertEquals([others, warnings], [[], []]);
    assertEquals({ ...card, sources: card?.sources.length }, {
      id: "cuda:0",
      backend: "cuda",
      kind: "device",
      isIntegrated: false,
      name: "Fake Card",
      totalBytes: 950 * MB,
      availableBytes: 930 * MB,
      reservedBytes: 0,
      identity: "GPU-11111111-2222",
      uuid: "GPU-11111111-2222",
      pciBusId: "0000:0a:00.0",
      computeCapability: 89,
      multiprocessors: 24,
      driverVersion: "580.95.05",
      cudaDriverVersion: 13000,
      sources: 2,
    });
  },
});

Deno.test({
  name: `NVML: an older driver's functions are enough${skipped}`,
  ignore: skipped !== "",
  fn: async () => {
    const { devices: [card] } = await read(paths.older);
    assertEquals([card?.totalBytes, card?.availableBytes], [1000 * MB, 930 * MB]);
  },
});

Deno.test({
  name: `NVML: a list of processes that is longer than the room for it${skipped}`,
  ignore: skipped !== "",
  fn: async () => {
    const { devices: [card] } = await read(paths.now, true);
    const holders = card?.holders ?? [];
    assertEquals(holders.length, 71);
    assertEquals(holders[0], { processId: 1068, bytes: 68 * MB });
    // Who isn't known how much of it holds.
    assertEquals(holders.filter(({ bytes }) => bytes === undefined), [{ processId: 1069 }]);
    assert(holders.some(({ processId, bytes }) => processId === 7 && bytes === 3 * MB));
  },
});

Deno.test({
  name: `NVML: MIG devices${skipped}`,
  ignore: skipped !== "",
  fn: async () => {
    using _ = behave("split");
    const { devices: [part, ...others], environment } = await read(paths.now);
    assertEquals(others, []);
    assertEquals([part?.name, part?.uuid], ["Fake Card MIG 1g.5gb", "MIG-33333333-4444"]);
    assertEquals([part?.totalBytes, part?.multiprocessors], [50 * MB, 14]);
    assertEquals(environment, undefined);
  },
});

const FAILURES: readonly [how: string, code: string, says: string][] = [
  ["mismatch", "device-driver-failed", "Driver/library version mismatch (code 18)"],
  ["many", "device-unreadable", "counts 1000 cards"],
  ["full", "device-unreadable", "2097152000 bytes in use of 1048576000"],
];
for (const [how, code, says] of FAILURES) {
  Deno.test({
    name: `NVML: ${how}: a warning and no device${skipped}`,
    ignore: skipped !== "",
    fn: async () => {
      using _ = behave(how);
      const { devices, warnings: [warning, ...others] } = await read(paths.now);
      assertEquals([devices, others], [[], []]);
      assertEquals(warning?.code, code);
      assert(warning?.message.includes(says), warning?.message);
    },
  });
}

Deno.test("NVML: a library that isn't there is a warning", async () => {
  const { devices, warnings } = await read("/no/such/libnvidia-ml.so.1");
  assertEquals(devices, []);
  assertEquals(warnings.map(({ code }) => code), ["device-driver-missing"]);
  await assertRejects(() => openNvml(["/no/such/library.so"]), NvmlMissing);
});

Deno.test({
  name: "NVML: a library that is another's has none of its functions",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await assertRejects(() => openNvml(["libc.so.6"]), NvmlFailure, "nvmlInit_v2");
  },
});

/** A program that reads the devices and ends, as brainjar does. */
const PROGRAM = `
import { nvmlLibrary } from ${
  JSON.stringify(import.meta.resolve("../../../src/machine/devices/nvml_source.ts"))
};
import { readDevices } from ${
  JSON.stringify(import.meta.resolve("../../../src/machine/devices/read_devices.ts"))
};
const nvml = nvmlLibrary([Deno.args[0]]);
const options = { root: Deno.args[1], nvml, environment: () => undefined };
const start = performance.now();
const first = await readDevices(options);
const between = performance.now();
const second = await readDevices(options);
console.log(JSON.stringify({
  codes: [...first.warnings, ...second.warnings].map(({ code }) => code),
  devices: first.devices.length + second.devices.length,
  milliseconds: [between - start, performance.now() - between],
}));
Deno.exit(3);
`;

for (const how of ["hang", "hang-later"]) {
  Deno.test({
    name: `NVML: ${how}: 2 s, a warning, and the process ends${skipped}`,
    ignore: skipped !== "",
    fn: async () => {
      const program = await Deno.makeTempFile({ suffix: ".ts" });
      try {
        await Deno.writeTextFile(program, PROGRAM);
        const config = new URL("../../../deno.json", import.meta.url).pathname;
        const child = new Deno.Command(Deno.execPath(), {
          args: ["run", "-A", "--no-check", `--config=${config}`, program, paths.now, root],
          env: { FAKE_NVML: how },
          stdout: "piped",
          stderr: "piped",
        }).spawn();
        const late = setTimeout(() => child.kill("SIGKILL"), 20_000);
        const { code, stdout, stderr } = await child.output();
        clearTimeout(late);
        // The library's destructor waits for a lock that the call holds.
        assertEquals(code, 3, new TextDecoder().decode(stderr));
        const { codes, devices, milliseconds: [first, second] } = JSON.parse(
          new TextDecoder().decode(stdout),
        );
        assertEquals(codes, ["device-driver-hung", "device-driver-hung"]);
        assertEquals(devices, 0);
        assert(first >= 1990 && first < 3000, `${first} ms`);
        // Nobody asks again.
        assert(second < 500, `${second} ms`);
      } finally {
        await Deno.remove(program);
      }
    },
  });
}
