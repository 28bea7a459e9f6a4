// What `brainjar run` has in memory when it loads: its command, and the model's header once read.
import "../../src/cli/brainjar.ts";
import "../../src/cli/commands/run.ts";
import type { LoadedModel, Mind } from "../../src/engine/engine.ts";
import { openEngine } from "../../src/engine/open.ts";
import { ModelPool } from "../../src/experiment/jar/model_pool.ts";
import { estimateFootprint } from "../../src/footprint/estimate.ts";
import type { FootprintOptions } from "../../src/llama_cpp/options.ts";
import { sparseRanges } from "../../src/footprint/sparse_ranges.ts";
import { readHeader } from "../../src/gguf/read.ts";
import { readCpuFeatures } from "../../src/machine/cpu.ts";
import { readProcessMemory } from "../../src/machine/process_memory.ts";

/** What a worker is asked to do; its only argument, as JSON. */
export interface WorkerTask {
  readonly model: string;
  readonly jars: number;
  readonly share: boolean;
  readonly options: FootprintOptions;
  /** Tokens of each jar's prompt, about; as many as fit where there are more. */
  readonly promptTokens: number;
  readonly maxTokens: number;
  /** Thoughts after the first, to time; 0 for none. */
  readonly timedTokens?: number;
}

/** A line that a worker prints when it has got so far. */
export interface WorkerLine {
  readonly phase:
    | "start"
    | "engine"
    | "model"
    | "context"
    | "thought"
    | "timed"
    | "disposed"
    | "end";
  readonly anonymousBytes: number;
  readonly fileBytes: number;
  /** In the context, after this thought. */
  readonly tokens?: number;
  /** Of this thought alone. */
  readonly thoughtTokens?: number;
  readonly milliseconds?: number;
}

function say(phase: WorkerLine["phase"], more: Partial<WorkerLine> = {}): void {
  const { anonymousBytes, fileBytes } = readProcessMemory();
  console.log(JSON.stringify({ phase, anonymousBytes, fileBytes, ...more }));
}

/** A word that is one token in nearly every vocabulary. */
const WORD = " the";

async function think(
  mind: Mind,
  promptTokens: number,
  maxTokens: number,
  phase: "thought" | "timed",
) {
  const room = Math.max(1, mind.contextSize - mind.tokensUsed - maxTokens - 16);
  const prompt = WORD.repeat(Math.min(promptTokens, room));
  const thought = await mind.think(prompt, { maxTokens, temperature: 0.8, topP: 0.95, seed: 1 });
  say(phase, {
    tokens: mind.tokensUsed,
    thoughtTokens: thought.tokens,
    milliseconds: Math.round(thought.milliseconds),
  });
}

async function work(task: WorkerTask): Promise<void> {
  say("start");
  const header = await readHeader(task.model);
  const cpu = await readCpuFeatures();
  await estimateFootprint(header, task.options, cpu);
  const sparse = await sparseRanges(header, cpu);
  const engine = await openEngine();
  say("engine");
  const pool = new ModelPool(engine, task.share);
  const minds: Mind[] = [];
  const references = [];
  for (let jar = 0; jar < task.jars; jar++) {
    const reference = await pool.acquire(task.model, { mmap: task.options.mmap, sparse });
    references.push(reference);
    say("model");
    const model: LoadedModel = reference.model;
    minds.push(await model.createMind(task.options));
    say("context");
  }
  for (const mind of minds) await think(mind, task.promptTokens, task.maxTokens, "thought");
  for (const mind of task.timedTokens ? minds : []) {
    await think(mind, 1, task.timedTokens ?? 0, "timed");
  }
  for (const mind of minds) await mind.dispose();
  for (const reference of references) await reference.release();
  say("disposed");
  await engine.dispose();
  say("end");
}

if (import.meta.main) await work(JSON.parse(Deno.args[0] ?? "{}"));
