import { BrainjarError } from "../../budget/error.ts";
import type { FootprintOptions, GpuBackend } from "../../llama_cpp/options.ts";
import { EngineProcessEnded, type ProgramStart, SeparateDryLoads } from "../dry_load_process.ts";
import type { Engine } from "../engine.ts";

/** A small context that any driver which works has room for. */
const OPTIONS: FootprintOptions = {
  contextSize: 256,
  batchSize: 256,
  sequences: 1,
  flashAttention: true,
  kvCacheKeyType: "F16",
  kvCacheValueType: "F16",
  mmap: true,
};

/** More layers than any model has: all of them. */
const ALL_LAYERS = 10_000;

/** The slowest that works, a processor that compiles every kernel first, takes a minute. */
const PATIENCE_MILLISECONDS = 170_000;

/** Enough words for a prompt that is computed as one matrix, where single tokens take other kernels. */
const PROMPT = "One two three four five six seven eight nine ten and then";

/** Thinks a word with all layers of a small model on the devices, and lets go of it. */
export async function thinkOnDevices(engine: Engine, model: string): Promise<void> {
  await using used = new AsyncDisposableStack();
  const loaded = used.adopt(
    await engine.load(model, { mmap: true, gpuLayers: ALL_LAYERS, promptFormat: "raw" }),
    (loaded) => loaded.dispose(),
  );
  const mind = used.adopt(await loaded.createMind(OPTIONS), (mind) => mind.dispose());
  await mind.think(PROMPT, { maxTokens: 2, temperature: 0, topP: 1, seed: 1 });
}

/**
 * Has a process of its own think a word on the devices, with all layers of a small model: a driver
 * that is older than the toolkit of the engine's build loads everything, and ends the process with
 * its first kernel, which nobody could catch.
 *
 * Takes about two seconds on a card, and up to a minute where a driver compiles every kernel first.
 *
 * @param start starts a program that answers for an engine (answer_dry_loads.ts)
 * @param model a small model
 * @param patienceMilliseconds after which a driver that doesn't answer is given up
 * @throws {BrainjarError} `device-unusable`, or what opening and loading throw
 */
export async function tryDevices(
  start: ProgramStart,
  backend: GpuBackend,
  model: string,
  patienceMilliseconds = PATIENCE_MILLISECONDS,
): Promise<void> {
  const signal = AbortSignal.timeout(patienceMilliseconds);
  // Native code then says at once what it has to say: in a moment there may be nobody to tell it.
  const talkative = { ...start, env: { ...start.env, NODE_LLAMA_CPP_DEBUG: "true" }, signal };
  const separate = new SeparateDryLoads(talkative, backend);
  try {
    await separate.ask({ ask: "thought", model });
  } catch (error) {
    if (signal.aborted) {
      throw unusable(backend, `it gave no answer in ${patienceMilliseconds / 1000} s`);
    }
    throw unusableBy(backend, error, separate.said);
  } finally {
    await separate.dispose();
  }
}

/** What a driver's last words mean. */
const MEANINGS: readonly (readonly [RegExp, string])[] = [
  [
    /unsupported toolchain|driver version is insufficient|forward compatibility/i,
    "Update NVIDIA's driver: it is older than the CUDA that the engine is built with",
  ],
  [
    /no kernel image|invalid device function/i,
    "The engine's CUDA build knows no card like this one: --gpu vulkan drives it too",
  ],
  [/out of memory|OutOfDeviceMemory/i, "Another process fills it: free memory there"],
];

/** What can go wrong although the engine is open: the trial's own model is small and whole. */
const FAILURES = ["device-out-of-memory", "model-load-failed", "context-failed", "think-failed"];

function unusableBy(backend: GpuBackend, error: unknown, saidBefore: string): unknown {
  const hasEnded = error instanceof EngineProcessEnded;
  if (!hasEnded && !(error instanceof BrainjarError && FAILURES.includes(error.code))) return error;
  const said = hasEnded ? error.said : saidBefore;
  const meaning = MEANINGS.find(([words]) => words.test(said))?.[1] ?? OTHER;
  const reason = /^.*\berror: (.+?)\.?$/im.exec(said)?.[1] ??
    (hasEnded ? error.how : error.hint ?? error.message);
  return unusable(backend, reason, meaning);
}

function unusable(backend: GpuBackend, reason: string, meaning = OTHER): BrainjarError {
  return new BrainjarError(
    "device-unusable",
    `The device of --gpu ${backend} failed to think one word with a small model`,
    { hint: `${meaning}, or use --gpu off: ${reason}`, kind: "engine" },
  );
}

const OTHER = "Update its driver, or use another --gpu";
