import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BrainjarError } from "../../src/budget/error.ts";
import { GB, MB } from "../../src/budget/size.ts";
import { parseDevices } from "../../src/cli/settings/devices.ts";
import { mostMultiprocessors } from "../../src/footprint/device_runtime.ts";
import { GPU_BACKENDS } from "../../src/llama_cpp/options.ts";

const RIGHT: readonly [text: string, devices: readonly (readonly [string, string, number])[]][] = [
  ["cuda=80GB", [["cuda:0", "device", 80 * GB]]],
  ["cuda=80", [["cuda:0", "device", 80 * GB]]],
  ["CUDA=512MiB", [["cuda:0", "device", 512 * MB]]],
  ["vulkan=24GB,16GB", [["vulkan:0", "device", 24 * GB], ["vulkan:1", "device", 16 * GB]]],
  ["vulkan = 24 GB , 8", [["vulkan:0", "device", 24 * GB], ["vulkan:1", "device", 8 * GB]]],
  ["cuda=24GB,cuda=8GB", [["cuda:0", "device", 24 * GB], ["cuda:1", "device", 8 * GB]]],
  ["metal=24GB", [["metal:0", "unified", 24 * GB]]],
];
for (const [text, devices] of RIGHT) {
  Deno.test(`--devices ${text}`, () => {
    const parsed = parseDevices(text);
    assertEquals(
      parsed.map(({ memory: { id, kind, totalBytes } }) => [id, kind, totalBytes]),
      devices.map((one) => [...one]),
    );
    for (const { memory, device } of parsed) {
      const { id, totalBytes, kind } = memory;
      assertEquals([memory.availableBytes, memory.reservedBytes], [totalBytes, 0]);
      assertEquals(device, {
        id,
        backend: device.backend,
        freeBytes: totalBytes,
        isUnified: kind === "unified",
        // A card of that size has so many at most: they decide how much its context takes.
        ...device.backend === "cuda" && { multiprocessors: mostMultiprocessors(totalBytes) },
      });
    }
  });
}

const WRONG: readonly [text: string, code: string, hint: string][] = [
  ["", "invalid-value", "cuda=80GB"],
  ["cuda", "invalid-value", "cuda=80GB"],
  ["80GB", "invalid-value", "cuda=80GB"],
  ["=80GB", "invalid-value", "cuda=80GB"],
  ["cuda=0", "invalid-size", "512MB"],
  ["cuda=", "invalid-size", "such as 8"],
  ["cuda=80GB,", "invalid-size", "such as 8"],
  ["cuda=NaN", "invalid-size", "such as 8"],
  ["cuda=-1", "invalid-size", "such as 8"],
  ["cuda=Infinity", "invalid-size", "such as 8"],
  ["cuda=9999999TB", "invalid-size", "largest"],
  ["cuda=80GB=80GB", "invalid-value", "cuda=80GB"],
  ["cda=80GB", "invalid-value", 'Did you mean "cuda"?'],
  ["vulcan=24GB", "invalid-value", 'Did you mean "vulkan"?'],
  ["rocm=24GB", "invalid-value", "cuda=80GB"],
  ["cuda=24GB,vulkan=24GB", "invalid-value", "one kind: cuda or vulkan"],
  ["cuda=24GB,vulcan=24GB", "invalid-value", 'Did you mean "vulkan"?'],
  [`cuda=${Array.from({ length: 17 }, () => "1GB").join(",")}`, "invalid-value", "16 at most"],
  ["metal=24GB,24GB", "invalid-value", "one metal device"],
];
for (const [text, code, hint] of WRONG) {
  Deno.test(`--devices ${text.slice(0, 40)} is wrong`, () => {
    const error = assertThrows(() => parseDevices(text), BrainjarError) as BrainjarError;
    assertEquals(error.code, code);
    assert(error.hint?.includes(hint), `${error.message}: ${error.hint}`);
    assert(error.message.includes("--devices"), error.message);
  });
}

Deno.test("--devices: whatever is typed is devices of some size, or a BrainjarError", () => {
  const word = fc.oneof(
    fc.constantFrom(...GPU_BACKENDS, "=", ",", "GB", "0", "8", "24GB", "-", "NaN", "1e9"),
    fc.string({ maxLength: 4 }),
  );
  fc.assert(fc.property(fc.array(word, { maxLength: 12 }), (words) => {
    try {
      const devices = parseDevices(words.join(""));
      assert(devices.length > 0);
      for (const { memory: { totalBytes } } of devices) {
        assert(Number.isSafeInteger(totalBytes) && totalBytes > 0);
      }
      assertEquals(new Set(devices.map(({ device }) => device.backend)).size, 1);
    } catch (error) {
      assert(error instanceof BrainjarError, String(error));
    }
  }));
});
