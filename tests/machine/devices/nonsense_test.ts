import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { deviceSigns } from "../../../src/machine/devices/presence.ts";
import { readDevices } from "../../../src/machine/devices/read_devices.ts";
import { fakeFiles } from "../fake_files.ts";
import { answering, MACHINES } from "./recorded_nvml.ts";

const root = new URL("one_card", MACHINES).pathname;
const GB = 1024 ** 3;

/** Figures as a confused driver may give them, and as a sane one does. */
const bytes = fc.oneof(
  fc.integer({ min: 0, max: 100 }).map((gigabytes) => gigabytes * GB),
  fc.constantFrom(0, 1, NaN, -1, Infinity, 2 ** 53, 2 ** 64, 0.5),
  fc.double(),
);
const failing = fc.constantFrom(1, 2, 3, 4, 6, 13, 15, 999).map((error) => ({ error }));

const card = fc.record({
  name: fc.oneof(fc.string(), failing),
  uuid: fc.oneof(fc.uuid().map((id) => `GPU-${id}`), failing),
  busId: fc.oneof(fc.constantFrom("0000:01:00.0", "0000:02:00.0", ""), failing),
  memory: fc.oneof(
    fc.record({
      call: fc.constant("nvmlDeviceGetMemoryInfo_v2"),
      totalBytes: bytes,
      freeBytes: bytes,
      usedBytes: bytes,
      reservedBytes: bytes,
    }),
    failing,
  ),
  computeCapability: fc.oneof(fc.record({ major: fc.nat(), minor: fc.nat() }), failing),
  cores: fc.oneof(fc.double(), failing),
  isSplit: fc.oneof(fc.boolean(), failing),
  mostMigDevices: fc.oneof(fc.double(), failing),
  processes: fc.oneof(fc.array(fc.record({ processId: fc.nat(), bytes })), failing),
});

Deno.test("devices: whatever a driver answers, a device has what it can have, or is a warning", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof(card, failing), { maxLength: 4 }),
      fc.option(fc.oneof(fc.nat(), fc.double(), fc.constantFrom(-1, NaN, 1000)), {
        nil: undefined,
      }),
      fc.constantFrom("cuda" as const, "vulkan" as const, "any" as const),
      async (cards, count, backend) => {
        const { devices, warnings } = await readDevices({
          root,
          backend,
          holders: true,
          environment: () => undefined,
          nvml: answering({ cards, ...(count === undefined ? {} : { count }) }),
        });
        for (const { totalBytes, availableBytes, holders = [] } of devices) {
          assert(Number.isSafeInteger(totalBytes) && totalBytes > 0, `${totalBytes}`);
          assert(Number.isSafeInteger(availableBytes) && availableBytes >= 0, `${availableBytes}`);
          assert(availableBytes <= totalBytes);
          for (const { bytes = 0 } of holders) assert(bytes >= 0 && bytes <= totalBytes);
        }
        for (const { message } of warnings) assert(message.length > 10);
      },
    ),
  );
});

Deno.test("devices: signs of them, in what was given to this process", () => {
  const signs = (paths: readonly string[]) =>
    deviceSigns(fakeFiles(Object.fromEntries(paths.map((path) => [path, ""]))));
  assertEquals(signs(["/dev/null", "/dev/dri/card0"]), { nvidia: false, renderNodes: [] });
  // A container without the card has the host's /proc and /sys.
  const host = ["/proc/driver/nvidia/version", "/sys/class/drm/renderD128/device/vendor"];
  assertEquals(signs(host), { nvidia: false, renderNodes: [] });
  assertEquals(signs(["/dev/nvidiactl"]).nvidia, true);
  assertEquals(signs(["/usr/lib/wsl/lib/libnvidia-ml.so.1"]).nvidia, true);
  assertEquals(signs(["/dev/dri/renderD129", "/dev/dri/by-path", "/dev/dri/renderD128"]), {
    nvidia: false,
    renderNodes: ["renderD128", "renderD129"],
  });
});
