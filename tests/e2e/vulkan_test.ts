import { assert, assertEquals, assertMatch } from "@std/assert";
import { ONE_DEVICE, TWO_DEVICES, whyNoVulkan } from "../engine/gpu/mesa.ts";
import { DEMO_BRAIN, runBrainjar } from "./program.ts";

// The program on real Vulkan devices, which Mesa computes on the processor (tests/engine/gpu). Of
// Debian 12's Mesa thoughts with flash attention and more than 512 tokens crash: these are shorter.

const whyNot = await whyNoVulkan();

/** A test with a home of its own, which the runner shows as ignored, and why, without Vulkan. */
function testVulkan(
  name: string,
  test: (home: Readonly<Record<string, string>>) => Promise<void>,
): void {
  const skipped = whyNot === undefined ? "" : ` (skipped: ${whyNot})`;
  const fn = async () => {
    const folder = await Deno.makeTempDir({ prefix: "brainjar-vulkan-" });
    try {
      await test({ BRAINJAR_HOME: folder });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  };
  Deno.test({ name: `--gpu vulkan: ${name}${skipped}`, ignore: whyNot !== undefined, fn });
}

/** What is looked at of an estimate. */
interface Estimate {
  readonly pools: readonly { readonly id: string; readonly bytes: Record<string, number> }[];
  readonly dryLoad?: { readonly onDevices?: unknown };
}

const RUN = ["run", "--mode", "matrix", "--gpu", "vulkan", "--max-tokens", "8", ...DEMO_BRAIN];

testVulkan("a run on one device, whose jars die of full contexts and come back", async (home) => {
  const { code, stdout, stderr } = await runBrainjar(
    [...RUN, "--turns", "6", "--context-size", "256", "--json"],
    { env: { ...ONE_DEVICE, ...home } },
  );
  assertEquals(code, 0, stderr);
  // A device that nobody knows is tried first, once.
  assertMatch(stderr, /^Trying vulkan:0 \(llvmpipe .+\) with one thought, once for this driver/m);
  const events = stdout.trim().split("\n").map((line) => JSON.parse(line));
  const count = (wanted: string) => events.filter(({ event }) => event === wanted).length;
  assertEquals(count("loaded"), 3);
  assert(count("thought") > 6, stdout);
  assert(count("death") > 0 && count("resurrection") > 0, stdout);
  const end = events.at(-1);
  assertEquals([end.event, end.reservedBytes], ["end", 0]);
});

testVulkan("a run over two devices, which it tries once", async (home) => {
  const run = () => runBrainjar([...RUN, "--turns", "1"], { env: { ...TWO_DEVICES, ...home } });
  const first = await run();
  assertEquals(first.code, 0, first.stderr);
  assertMatch(first.stderr, /^Trying vulkan:0 .+, vulkan:1 /m);
  assertMatch(first.stdout, /on vulkan:0/);
  assertMatch(first.stdout, /on vulkan:1/);
  assertMatch(first.stdout, /still reserved: 0 bytes\n$/);
  const second = await run();
  assertEquals([second.code, second.stderr.includes("Trying")], [0, false], second.stderr);
});

for (const [count, env] of [[1, ONE_DEVICE], [2, TWO_DEVICES]] as const) {
  testVulkan(`estimates for ${count} are the engine's own dry loads`, async () => {
    for (const layers of ["0", "1", "all"]) {
      const { code, stdout, stderr } = await runBrainjar(
        ["estimate", ...DEMO_BRAIN.slice(1), "--gpu", "vulkan", "--gpu-layers", layers].concat(
          ["--compare", "--json"],
        ),
        { env },
      );
      assertEquals(code, 0, stderr);
      const [header, engine]: readonly Estimate[] = JSON.parse(stdout).estimates;
      // The first pool is RAM.
      const devices = header?.pools.slice(1) ?? [];
      assertEquals(devices.map(({ id }) => id), ["vulkan:0", "vulkan:1"].slice(0, count));
      const all = (bytesOf: (bytes: Record<string, number>) => number) =>
        devices.reduce((sum, { bytes }) => sum + bytesOf(bytes), 0);
      assertEquals(
        {
          modelBytes: all(({ weights = NaN }) => weights),
          contextBytes: all(({ kvCache = NaN, recurrentState = NaN, compute = NaN }) =>
            kvCache + recurrentState + compute
          ),
        },
        engine?.dryLoad?.onDevices,
        `${layers} layers`,
      );
    }
  });
}

testVulkan("measure says that the driver doesn't tell", async (home) => {
  const { code, stdout, stderr } = await runBrainjar(
    ["measure", "--gpu", "vulkan", "--flash-attention", "off", "--json", "--save"],
    { env: { ...ONE_DEVICE, ...home } },
  );
  assertEquals(code, 0, stderr);
  const { stages, devices } = JSON.parse(stdout);
  assertEquals(stages.at(-2).stage, "context gone");
  const [device, ...others] = devices;
  assertEquals([device.id, device.isTold, device.heldBytes, others.length], [
    "vulkan:0",
    false,
    0,
    0,
  ]);
  // What wasn't told isn't kept.
  const kept = await Deno.readTextFile(`${home["BRAINJAR_HOME"]}/devices.json`);
  assertEquals(kept.includes("contextBytes"), false, kept);
});

testVulkan(
  "a device number that isn't there is refused before anything is loaded",
  async (home) => {
    for (const command of [RUN, ["check", "--gpu", "vulkan", ...DEMO_BRAIN]]) {
      const { code, stderr } = await runBrainjar(command, {
        env: { GGML_VK_VISIBLE_DEVICES: "7", ...home },
      });
      assertEquals(code, 2, stderr);
      assertMatch(stderr, /^error: No vulkan device is found$/m);
      assertMatch(stderr, /GGML_VK_VISIBLE_DEVICES=7/);
    }
  },
);
