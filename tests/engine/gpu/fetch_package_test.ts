import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { BrainjarError } from "../../../src/budget/error.ts";
import { checkComes, fetchPackage } from "../../../src/engine/gpu/fetch_package.ts";

const MAIN = { name: "@node-llama-cpp/linux-x64-vulkan", megabytes: 27.5 };
const LOCK = new URL("../../../deno.lock", import.meta.url);
const MODULE = new URL("../../../src/engine/gpu/fetch_package.ts", import.meta.url).href;

Deno.test("a build that no lock has is refused, with the line that packs it", async () => {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-lock-" });
  try {
    await Deno.writeTextFile(`${folder}/deno.lock`, '{"version":"5","npm":{}}');
    for (
      const lock of [
        new URL(`file://${folder}/deno.lock`),
        new URL(`file://${folder}/none.lock`),
        new URL("https://example.org/deno.lock"),
      ]
    ) {
      for (
        const refused of [
          () => fetchPackage(MAIN, { backend: "vulkan", lock, say: () => {} }),
          () => checkComes({ backend: "vulkan", lock }),
        ]
      ) {
        const error = await assertRejects(refused, BrainjarError);
        assertEquals([error.code, error.kind], ["engine-variant-absent", "engine"]);
        assertMatch(error.hint ?? "", /deno task build:portable --engine vulkan$/);
      }
    }
    await checkComes({ backend: "vulkan", lock: LOCK });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a build that can't be fetched is an error that says why, after its size", async () => {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-fetch-" });
  try {
    const code = `
      const { fetchPackage } = await import(${JSON.stringify(MODULE)});
      const lock = new URL(${JSON.stringify(LOCK.href)});
      const options = { backend: "vulkan", lock, say: (line) => console.log(line) };
      const error = await fetchPackage(${JSON.stringify(MAIN)}, options).catch((error) => error);
      console.log(error.code);
      console.log(error.hint);
    `;
    // A cache without anything, and a registry that nobody answers for.
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["eval", "-q", "--no-lock", code],
      env: {
        DENO_DIR: folder,
        NO_COLOR: "1",
        NPM_CONFIG_REGISTRY: "http://127.0.0.1:9/",
        HTTPS_PROXY: "http://127.0.0.1:9",
      },
      stdin: "null",
    }).output();
    const [said = "", error, hint = ""] = new TextDecoder().decode(stdout).trim().split("\n");
    assertMatch(
      said,
      /^Fetching the engine's build for vulkan, 27\.5 MB: @node-llama-cpp\/linux-x64-vulkan \d/,
      new TextDecoder().decode(stderr),
    );
    assertEquals(error, "engine-variant-absent");
    assertMatch(hint, /^It comes from the npm registry, once: connect to it, or use --gpu off: ./);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
