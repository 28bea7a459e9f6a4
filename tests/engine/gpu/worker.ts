/**
 * One life of an engine with devices, in a process of its own: a process has one build of the
 * engine, and the variables that choose devices are read when it opens. Run with a backend and
 * models; what happened stands on stdout as JSON.
 */
import { BrainjarError } from "../../../src/budget/error.ts";
import type { DryLoad, Engine, Thought } from "../../../src/engine/engine.ts";
import type { EngineDevice } from "../../../src/engine/gpu/engine_devices.ts";
import { openEngine } from "../../../src/engine/open.ts";
import { GPU_BACKENDS, type Offload } from "../../../src/llama_cpp/options.ts";
import { OPTIONS, SAMPLING } from "../models.ts";

/** What a life leaves behind. */
export interface Life {
  readonly devices: readonly EngineDevice[];
  /** By layers. */
  readonly dryLoads: Readonly<Record<number, DryLoad>>;
  /** Free bytes of each device, by stage. */
  readonly free: Readonly<Record<string, readonly number[]>>;
  readonly thoughts: readonly Thought[];
}

/** What went wrong with it. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
}

/** More than any test's model has. */
const ALL_LAYERS = 1000;

async function live(engine: Engine, model: string, layers: readonly number[]): Promise<Life> {
  const devices = await engine.devices();
  const free: Record<string, readonly number[]> = {};
  const mark = async (stage: string) => {
    free[stage] = (await engine.devices()).map(({ freeBytes }) => freeBytes);
  };
  const dryLoads: Record<number, DryLoad> = {};
  for (const gpuLayers of layers) {
    const offload: Offload = { devices, gpuLayers };
    dryLoads[gpuLayers] = await engine.dryLoad(model, { ...OPTIONS, offload });
  }
  await mark("open");
  const loaded = await engine.load(model, { mmap: true, gpuLayers: ALL_LAYERS });
  await mark("loaded");
  const thoughts: Thought[] = [];
  // One dies of its full context and is brought back while the other one lives on.
  const witness = await loaded.createMind(OPTIONS);
  await mark("one mind");
  const first = await loaded.createMind(OPTIONS);
  await mark("two minds");
  thoughts.push(await first.think("I think", { ...SAMPLING, maxTokens: 4 }));
  let last = await first.think(" and", SAMPLING);
  while (last.stop !== "context-full") last = await first.think(" and", SAMPLING);
  await first.dispose();
  const second = await loaded.createMind(OPTIONS);
  thoughts.push(await second.think("I think", { ...SAMPLING, maxTokens: 4 }));
  thoughts.push(await witness.think("I think", { ...SAMPLING, maxTokens: 4 }));
  await second.dispose();
  await witness.dispose();
  await mark("minds gone");
  await loaded.dispose();
  await mark("model gone");
  return { devices, dryLoads, free, thoughts };
}

function failureOf(error: unknown): Failure {
  if (!(error instanceof BrainjarError)) throw error;
  return { code: error.code, message: error.message, hint: error.hint ?? "" };
}

if (import.meta.main) {
  const [named, model = "", ...layers] = Deno.args;
  const gpu = GPU_BACKENDS.find((backend) => backend === named);
  try {
    const engine = await openEngine({ gpu: gpu ?? "off", say: (line) => console.error(line) });
    const life = model === ""
      ? { devices: await engine.devices(), dryLoads: {}, free: {}, thoughts: [] }
      : await live(engine, model, layers.map(Number));
    await engine.dispose();
    console.log(JSON.stringify(life));
  } catch (error) {
    console.log(JSON.stringify(failureOf(error)));
    Deno.exitCode = 1;
  }
}
