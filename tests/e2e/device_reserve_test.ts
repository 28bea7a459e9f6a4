import { assert, assertEquals } from "@std/assert";
import { ONE_DEVICE, whyNoVulkan } from "../engine/gpu/mesa.ts";
import { DEMO_BRAIN, runBrainjar } from "./program.ts";

// Processes that start at once never reserve the same memory of a device either.

const whyNot = await whyNoVulkan();

/** What a run's watch keeps free on a device. */
const KEPT_FREE = 64 * 1024 ** 2;

Deno.test({
  name: "check --reserve, five at once on a device with room for three: three get it" +
    (whyNot === undefined ? "" : ` (skipped: ${whyNot})`),
  ignore: whyNot !== undefined,
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "brainjar-reserve-" });
    await Deno.chmod(folder, 0o700);
    const env = { ...ONE_DEVICE, BRAINJAR_LEDGER: folder };
    const check = ["check", ...DEMO_BRAIN, "--gpu", "vulkan", "--gpu-layers", "all"];
    const reserve = () => runBrainjar([...check, "--quiet", "--reserve", "5m"], { env });
    try {
      const first = await reserve();
      assertEquals(first.code, 0, first.stderr);
      const { stdout } = await runBrainjar([...check, "--json"], { env });
      const [, { id = "", requiredBytes = 0, availableBytes = 0 }] = JSON.parse(stdout).pools;
      assertEquals(id, "vulkan:0");

      // The first is made so large that there is room for three more of these, and half of one.
      const path = `${folder}/ledger.json`;
      const ledger = JSON.parse(await Deno.readTextFile(path));
      const [reserved] = ledger.entries[0].devices;
      assertEquals(reserved.promisedBytes, requiredBytes);
      reserved.promisedBytes += availableBytes - KEPT_FREE - Math.floor(3.5 * requiredBytes);
      await Deno.writeTextFile(path, JSON.stringify(ledger));

      const all = await Promise.all(Array.from({ length: 5 }, reserve));
      assertEquals(all.map(({ code }) => code).toSorted(), [0, 0, 0, 1, 1]);
      const tokens = all.map(({ stdout }) => stdout.trim()).filter((token) => token !== "");
      assertEquals(new Set(tokens).size, 3);
      for (const token of [first.stdout.trim(), ...tokens]) {
        const released = await runBrainjar(["release", token], { env });
        assert(/^Given back: .* GB, .* on vulkan:0\n$/.test(released.stderr), released.stderr);
      }
      assertEquals(JSON.parse(await Deno.readTextFile(path)).entries, []);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
