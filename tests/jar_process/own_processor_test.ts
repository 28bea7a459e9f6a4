import { assert, assertEquals, assertRejects } from "@std/assert";
import { generateModel } from "../../fixtures/generate.ts";
import { TINY } from "../../fixtures/shape.ts";
import { MB } from "../../src/budget/size.ts";
import { BrainjarError } from "../../src/budget/error.ts";
import { DEFAULT_POLICY } from "../../src/budget/policy.ts";
import { parseRequest } from "../../src/jar_process/lines.ts";
import { onOwnProcessor } from "../../src/jar_process/inside/own_processor.ts";
import type { JarLoad } from "../../src/jar_process/inside/serve_jar.ts";
import type { CpuFeatures } from "../../src/llama_cpp/options.ts";
import { footprintOf, resolveContext } from "../../src/plan/footprint_of.ts";
import { openHost } from "../../src/plan/host.ts";
import { AVX2_CPU, PLAIN_CPU } from "../llama_cpp/sample_header.ts";

// A scheduler may start a jar on another kind of machine than it was planned for.

const SHAPE = {
  ...TINY,
  type: "Q4_0",
  embedding: 512,
  feedForward: 8192,
  layers: 6,
  headLength: 128,
};

/** A machine with another processor. */
function hostWith(cpu: CpuFeatures) {
  return { ...openHost(), cpu: () => Promise.resolve(cpu) };
}

/** The jar as it was planned on a processor. */
async function planned(path: string, cpu: CpuFeatures): Promise<JarLoad> {
  const host = hostWith(cpu);
  const { header, key, read } = await host.readRunnable(path);
  const context = {
    contextSize: 256,
    batchSize: 64,
    sequences: 1,
    flashAttention: "on",
    kvCacheType: "F16",
    mmap: true,
    gpuLayers: "auto",
  } as const;
  const options = await resolveContext(header, context);
  const request = { header, key, read, options, estimator: "header" } as const;
  const { jar: footprint } = await footprintOf(request, host);
  const { architecture, features, threads } = cpu;
  const load: JarLoad = {
    ask: "load",
    demand: { id: "god", role: "god", model: "m", footprint },
    options,
    files: header.parts.map(({ path, fileBytes }) => ({ path, fileBytes })),
    sparse: [],
    processor: { architecture, features: [...features], threads },
    policy: DEFAULT_POLICY,
    promptFormat: "auto",
    gpu: "off",
  };
  // What is told is what the other side can read.
  const request_ = parseRequest(JSON.stringify(load));
  assertEquals(JSON.parse(JSON.stringify(request_)), JSON.parse(JSON.stringify(load)));
  return load;
}

async function withModel(test: (path: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-processor-" });
  try {
    const { paths: [path = ""] } = await generateModel(SHAPE, `${folder}/m.gguf`, {});
    await test(path);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("own processor: a jar stays as it was told on the processor that it was planned for", () =>
  withModel(async (path) => {
    const load = await planned(path, AVX2_CPU);
    assertEquals(await onOwnProcessor(load, hostWith(AVX2_CPU), "node1"), load);
    const fewer = { ...AVX2_CPU, threads: 1 };
    assertEquals(await onOwnProcessor(load, hostWith(fewer), "node1"), load);
    const { processor: _, ...any } = load;
    assertEquals(await onOwnProcessor(any, hostWith(PLAIN_CPU), "node1"), any);
  }));

Deno.test("own processor: one that lays weights out anew is planned for, or refused by its limit", () =>
  withModel(async (path) => {
    const load = await planned(path, PLAIN_CPU);
    const told = load.demand.footprint.floorBytes;
    const here = await onOwnProcessor(load, hostWith(AVX2_CPU), "node1");
    const { footprint } = (await planned(path, AVX2_CPU)).demand;
    assertEquals(here.demand.footprint, footprint);
    assert(footprint.floorBytes > told + 3 * MB, "Its weights are laid out anew");
    assert((here.sparse ?? []).length > 0, "Nothing reads them in the file any more");
    const least = footprint.floorBytes + 10 * MB;
    await onOwnProcessor({ ...load, limitBytes: least }, hostWith(AVX2_CPU), "node1");
    const error = await assertRejects(
      () => onOwnProcessor({ ...load, limitBytes: told }, hostWith(AVX2_CPU), "node1"),
      BrainjarError,
      "with the processor of node1, and was planned with",
    );
    assertEquals([error.code, error.kind], ["processor-differs", "refused"]);
  }));

Deno.test("own processor: where less is needed than was told, what was told stays", () =>
  withModel(async (path) => {
    const load = await planned(path, AVX2_CPU);
    assertEquals(await onOwnProcessor(load, hostWith(PLAIN_CPU), "node1"), load);
  }));

Deno.test("own processor: more threads than were planned for are counted", () =>
  withModel(async (path) => {
    const load = await planned(path, { ...AVX2_CPU, threads: 2 });
    const here = await onOwnProcessor(load, hostWith({ ...AVX2_CPU, threads: 64 }), "node1");
    assert(here.demand.footprint.floorBytes > load.demand.footprint.floorBytes);
  }));
