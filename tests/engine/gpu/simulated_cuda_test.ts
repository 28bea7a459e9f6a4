import { assert, assertEquals, assertMatch } from "@std/assert";
import { compileSimulatedCuda } from "../../../fixtures/truth/gpu/simulated_cuda.ts";
import { installedBackends } from "../../../src/engine/gpu/backends.ts";
import { brainjarArguments, DEMO_BRAIN } from "../../e2e/program.ts";
import { runFailure, runLife } from "./run_worker.ts";

// The engine's CUDA build on cards that aren't there (fixtures/truth/README.md): what it allocates
// is counted, nothing is computed.

const MB = 1024 ** 2;
const [, MODEL = ""] = DEMO_BRAIN;

/** What every kernel of a card says that the build has none for, or an older driver. */
const FAILING_KERNELS = `
int cudaGetLastError(void) { return 222; }
const char * cudaGetErrorString(int error) {
  return error ? "the provided PTX was compiled with an unsupported toolchain." : "none";
}`;

/** Why nothing can be simulated here; a test that wants 143 MB isn't worth their download. */
function whyNot(): string | undefined {
  if (!installedBackends().includes("cuda")) return "the engine's CUDA build isn't here";
  try {
    const { success } = new Deno.Command("cc", { args: ["--version"], stdout: "null" })
      .outputSync();
    return success ? undefined : "no C compiler";
  } catch {
    return "no C compiler";
  }
}

const reason = whyNot();

function testCuda(name: string, test: (folder: string) => Promise<void>): void {
  const skipped = reason === undefined ? "" : ` (skipped: ${reason})`;
  const fn = async () => {
    const folder = await Deno.makeTempDir({ prefix: "brainjar-cuda-" });
    try {
      await compileSimulatedCuda(folder);
      await test(folder);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  };
  Deno.test({ name: `simulated cuda: ${name}${skipped}`, ignore: reason !== undefined, fn });
}

/** Cards by what is free on them, of 1 GB each. */
function cards(folder: string, freeBytes: readonly number[]): Record<string, string> {
  const shown = freeBytes.map((bytes, index) =>
    `${index === 0 ? 9 : 8}.0:100:${1024 * MB}:${bytes}`
  );
  return { LD_LIBRARY_PATH: folder, SIMULATED_CUDA: shown.join(";") };
}

testCuda("a life on two unequal cards gives back all that it took", async (folder) => {
  const env = cards(folder, [900 * MB, 500 * MB]);
  const { devices, dryLoads, free } = await runLife("cuda", [MODEL, "2"], env);
  assertEquals(devices.map(({ id, totalBytes }) => [id, totalBytes]), [
    ["cuda:0", 1024 * MB],
    ["cuda:1", 1024 * MB],
  ]);
  assert(new Set(devices.map(({ pciBusId }) => pciBusId)).size === 2, "Each has its place");
  const at = (stage: string) => (free[stage] ?? []).reduce((sum, bytes) => sum + bytes, 0);
  const weights = dryLoads[2]?.onDevices?.modelBytes ?? NaN;
  assert(at("open") - at("loaded") >= weights);
  const first = at("loaded") - at("one mind");
  assert(first > 0);
  // The second has its own cache and compute, and no weights.
  assertEquals(at("one mind") - at("two minds"), first);
  assertEquals(at("minds gone"), at("loaded"));
  assertEquals(free["model gone"], free["open"]);
});

testCuda(
  "no room for a model is an error that names the card and what to change",
  async (folder) => {
    const { code, message, hint } = await runFailure("cuda", [MODEL], cards(folder, [0.2 * MB]));
    assertEquals(code, "device-out-of-memory");
    const asked = /^cuda:0 has no (\d+\.\d\d) MB of memory left for the model: /.exec(message)?.[1];
    assert(Number(asked) > 0.2, message);
    assertMatch(
      hint,
      /^Put fewer layers there with --gpu-layers \(it has \d+ now\), .*--context-size/,
    );
  },
);

testCuda(
  "a driver without the build's kernels is found out before a model is loaded",
  async (folder) => {
    const shim = `${folder}/failing_kernels`;
    await Deno.writeTextFile(`${shim}.c`, FAILING_KERNELS);
    const made = await new Deno.Command("cc", {
      args: ["-shared", "-fPIC", "-o", `${shim}.so`, `${shim}.c`],
    }).output();
    assert(made.success);
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: brainjarArguments([
        ...["run", "--mode", "single", "--turns", "1", "--gpu", "cuda"],
        ...["--safety-margin", "0", "--json", ...DEMO_BRAIN],
      ]),
      env: {
        ...cards(folder, [1000 * MB]),
        LD_PRELOAD: `${shim}.so`,
        BRAINJAR_HOME: folder,
        NO_COLOR: "1",
      },
      stdin: "null",
    }).output();
    const said = new TextDecoder().decode(stderr);
    assertEquals(code, 3, said);
    assertMatch(said, /^error: The device of --gpu cuda failed to think one word/m);
    assertMatch(
      said,
      /Update NVIDIA's driver: .*the provided PTX was compiled with an unsupported/,
    );
    assert(!new TextDecoder().decode(stdout).includes('"loaded"'), "Nothing was loaded");
  },
);
