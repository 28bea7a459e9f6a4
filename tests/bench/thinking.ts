/**
 * What brainjar costs while it thinks: tokens per second through brainjar's engine and through a
 * bare node-llama-cpp loop, on the same model, alternating in one process.
 *
 * deno run -A tests/bench/thinking.ts [--preset 60m-q8_0] [--model FILE] [--rounds 41] [--tokens 32]
 */
import { parseArgs } from "@std/cli/parse-args";
import { generateModel } from "../../fixtures/generate.ts";
import { PRESETS } from "../../fixtures/shape.ts";
import { openEngine } from "../../src/engine/open.ts";
import { thinkingThreads } from "../../src/engine/mind.ts";
import { options } from "../llama_cpp/sample_header.ts";
import { median } from "./median.ts";

const PROMPT = "You are a mind in a jar, and you think:";
const LIMIT_PERCENT = 3;

const flags = parseArgs([...Deno.args], {
  string: ["preset", "model", "rounds", "tokens"],
  default: { preset: "60m-q8_0", rounds: "41", tokens: "32" },
}) as { preset: string; model?: string; rounds: string; tokens: string };

const folder = await Deno.makeTempDir({ prefix: "brainjar-bench-" });
try {
  let path = flags.model;
  if (path === undefined) {
    const shape = PRESETS[flags.preset];
    if (shape === undefined) throw new Error(`Unknown preset: ${flags.preset}`);
    path = (await generateModel(shape, `${folder}/model.gguf`)).paths[0];
  }
  await measure(path ?? "", Number(flags.rounds), Number(flags.tokens));
} finally {
  await Deno.remove(folder, { recursive: true });
}

async function measure(path: string, rounds: number, tokens: number): Promise<void> {
  const chosen = options();
  const sampling = { temperature: 0.8, topP: 0.95 };

  const engine = await openEngine();
  const jar = await engine.load(path, { mmap: true });

  const name = ["node", "llama", "cpp"].join("-");
  const library: typeof import("node-llama-cpp") = await import(name);
  const llama = await library.getLlama({ gpu: false, build: "never" });
  const model = await llama.loadModel({ modelPath: path, ignoreMemorySafetyChecks: true });
  // The same number of threads on both sides: what is measured is brainjar's own part.
  const threads = thinkingThreads(model.size, [llama.cpuMathCores, navigator.hardwareConcurrency]);

  const brainjar = async (seed: number): Promise<number> => {
    const mind = await jar.createMind(chosen);
    const started = performance.now();
    const thought = await mind.think(PROMPT, {
      ...sampling,
      maxTokens: tokens,
      seed,
      onText: () => {},
    });
    const seconds = (performance.now() - started) / 1000;
    await mind.dispose();
    return thought.tokens / seconds;
  };

  const bare = async (seed: number): Promise<number> => {
    const context = await model.createContext({
      contextSize: 512,
      batchSize: 512,
      flashAttention: true,
      threads,
      ignoreMemorySafetyChecks: true,
    });
    const sequence = context.getSequence();
    const started = performance.now();
    const prompt = model.tokenize(PROMPT);
    const { bos } = model.tokens;
    if (bos !== null) prompt.unshift(bos);
    let sampled = 0;
    let text = "";
    for await (const token of sequence.evaluate(prompt, { ...sampling, seed })) {
      text += model.detokenize([token]);
      if (++sampled >= tokens) break;
    }
    const seconds = (performance.now() - started) / 1000;
    await context.dispose();
    if (text === "") throw new Error("The bare loop said nothing");
    return sampled / seconds;
  };

  await bare(0);
  await brainjar(0);
  const speeds = { bare: [] as number[], brainjar: [] as number[] };
  const slower: number[] = [];
  for (let round = 1; round <= rounds; round++) {
    // Each side goes first every other time, so that neither always has the warmer cache.
    const order = round % 2 === 0 ? [bare, brainjar] : [brainjar, bare];
    const measured = new Map<typeof bare, number>();
    for (const side of order) measured.set(side, await side(round));
    const [ours, theirs] = [measured.get(brainjar) ?? 0, measured.get(bare) ?? 0];
    speeds.brainjar.push(ours);
    speeds.bare.push(theirs);
    slower.push((1 - ours / theirs) * 100);
  }
  const percent = median(slower);
  console.log(`${rounds} rounds of ${tokens} tokens, ${threads} threads`);
  console.log(`bare      ${median(speeds.bare).toFixed(1)} tokens/s (median)`);
  console.log(`brainjar  ${median(speeds.brainjar).toFixed(1)} tokens/s (median)`);
  console.log(
    `brainjar is ${percent.toFixed(2)} % slower (median of rounds, limit ${LIMIT_PERCENT} %)`,
  );
  await jar.dispose();
  await engine.dispose();
  await model.dispose();
  await llama.dispose();
  if (percent > LIMIT_PERCENT) Deno.exitCode = 1;
}
