import { assert, assertEquals, assertMatch } from "@std/assert";
import { ONE_DEVICE, TWO_DEVICES, whyNoVulkan } from "./mesa.ts";
import { runFailure, runLife } from "./run_worker.ts";

// The engine on real Vulkan devices, which Mesa computes on the processor. Its first thought
// compiles every kernel, 8 to 40 s; Mesa keeps them for later ones.

const whyNot = await whyNoVulkan();

/** One model for every test with Mesa: its kernels are compiled once. */
const DEMO_BRAIN = new URL("../../../fixtures/demo-brain.gguf", import.meta.url).pathname;

/** A test that the runner shows as ignored, and why, where there is no Vulkan. */
function testVulkan(name: string, fn: () => Promise<void>): void {
  const skipped = whyNot === undefined ? "" : ` (skipped: ${whyNot})`;
  Deno.test({ name: `vulkan: ${name}${skipped}`, ignore: whyNot !== undefined, fn });
}

for (const [count, env] of [[1, ONE_DEVICE], [2, TWO_DEVICES]] as const) {
  testVulkan(`${count} of Mesa's: dry loads, a load, minds that die and come back`, async () => {
    const { devices, dryLoads, free, thoughts } = await runLife(
      "vulkan",
      [DEMO_BRAIN, "0", "1", "2"],
      env,
    );
    assertEquals(devices.map(({ id }) => id), ["vulkan:0", "vulkan:1"].slice(0, count));
    for (const device of devices) {
      const { totalBytes, freeBytes, isUnified, alignment, largestTensorBytes = 0 } = device;
      assertEquals([totalBytes, freeBytes, isUnified], [2 * 1024 ** 3, 2 * 1024 ** 3, false]);
      assert(alignment > 0);
      // A card has 4 GiB, Mesa 128 MiB.
      assert(largestTensorBytes >= 2 ** 27 && largestTensorBytes < 2 ** 32);
    }
    // The more layers are there, the less is here.
    const here = (layers: number) => dryLoads[layers]?.modelBytes ?? NaN;
    const there = (layers: number) => dryLoads[layers]?.onDevices?.modelBytes ?? NaN;
    assertEquals(there(0), 0);
    assert(there(2) > there(1) && there(1) > 0, JSON.stringify(dryLoads));
    assert(here(2) < here(1) && here(1) <= here(0), JSON.stringify(dryLoads));
    // With no layer there, batches are computed there all the same.
    assert((dryLoads[0]?.onDevices?.contextBytes ?? 0) > 0);
    const [first, second, witness] = thoughts;
    assertEquals(first?.stop, "length");
    // The same seed on the same weights, whoever thinks.
    assertEquals([second?.text, witness?.text], [first?.text, first?.text]);
    assertEquals(Object.keys(free).at(-1), "model gone");
  });
}

for (
  const [what, value, message] of [
    ["a device number that isn't there", "7", / with GGML_VK_VISIBLE_DEVICES=7$/],
    ["one that isn't beside one that is", "0,3", / with GGML_VK_VISIBLE_DEVICES=0,3$/],
    ["no number", "gpu", / with GGML_VK_VISIBLE_DEVICES=gpu$/],
  ] as const
) {
  testVulkan(`${what} is an error that names the variable`, async () => {
    const failure = await runFailure("vulkan", [], { GGML_VK_VISIBLE_DEVICES: value });
    assertEquals(failure.code, "no-device");
    assertMatch(failure.message, message);
    assertMatch(failure.hint, /or use --gpu off$/);
  });
}
