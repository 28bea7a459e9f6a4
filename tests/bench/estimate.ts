/**
 * Accuracy and speed of the header estimate, side by side in one run with what a user would pick
 * instead: node-llama-cpp's dry load, its older formulas and its reader, and @huggingface/gguf's.
 *
 *     deno run -A tests/bench/estimate.ts
 *
 * Accuracy is held against llama.cpp's own dry load as fixtures/truth recorded it. Truth's `context` is KV
 * cache, recurrent state and compute; the output buffer isn't in it.
 */
import { gguf } from "@huggingface/gguf";
import { getLlama, GgufInsights, readGgufFileInfo } from "node-llama-cpp";
import { findArchitecture } from "../../src/llama_cpp/models/families.ts";
import { footprintEstimator } from "../../src/footprint/estimate.ts";
import type { FootprintBytes } from "../../src/footprint/footprint.ts";
import type { FootprintOptions } from "../../src/llama_cpp/options.ts";
import { options } from "../llama_cpp/sample_header.ts";
import { readHeader } from "../../src/gguf/read.ts";
import { readCpuFeatures } from "../../src/machine/cpu.ts";
import { truthFile, truthModels } from "../../fixtures/truth/files.ts";

/** The models of truth that have the size and the vocabulary of real ones. */
const REAL_SIZE =
  /^(llama-3\.2-1b-q4_0|mamba-2\.8b-f16|mistral-7b-q8_0|mixtral-8x7b-q4_0|qwen3-30b-a3b-q4_k)\.gguf$/;

/** Relative errors of one family, 0.01 for 1 % over. */
interface Family {
  readonly name: string;
  readonly ours: number[];
  readonly oldFormulas: number[];
}

const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" as never });
const cpu = await readCpuFeatures();
const rows = await truthFile.read();
const families = new Map<string, Family>();
const speeds: { file: string; milliseconds: Record<string, number> }[] = [];

for await (const { file, path } of truthModels()) {
  const header = await readHeader(path);
  const estimate = await footprintEstimator(header, cpu);
  const architecture = String(header.metadata.get("general.architecture"));
  const name = REAL_SIZE.test(file)
    ? "real size"
    : (await findArchitecture(architecture))?.memory ?? "unknown";
  const family = families.get(name) ?? { name, ours: [], oldFormulas: [] };
  families.set(name, family);
  const insights = await GgufInsights.from(
    await readGgufFileInfo(path, { logWarnings: false }),
    llama,
  );
  for (const row of rows.filter((row) => row.file === file)) {
    const options: FootprintOptions = {
      contextSize: row.contextSize,
      batchSize: row.batchSize,
      sequences: row.sequences,
      flashAttention: row.flashAttention,
      kvCacheKeyType: row.kvCacheType,
      kvCacheValueType: row.kvCacheType,
      mmap: true,
    };
    const truth = row.model + row.context;
    family.ours.push(allocated((await estimate(options)).bytes) / truth - 1);
    const context = insights.estimateContextResourceRequirements({
      contextSize: row.contextSize,
      batchSize: row.batchSize,
      sequences: row.sequences,
      flashAttention: row.flashAttention,
      modelGpuLayers: 0,
    });
    const model = insights.estimateModelResourceRequirements({ gpuLayers: 0 });
    family.oldFormulas.push((model.cpuRam + context.cpuRam) / truth - 1);
  }
  if (REAL_SIZE.test(file)) speeds.push({ file, milliseconds: await measureSpeed(path) });
}

/** What the dry load counts, in bytes. */
function allocated(bytes: FootprintBytes): number {
  return bytes.weights + bytes.kvCache + bytes.recurrentState + bytes.compute;
}

/** The least of three runs each, alternating, in milliseconds. */
async function measureSpeed(path: string): Promise<Record<string, number>> {
  const chosen = options({ contextSize: 4096 });
  const contenders: Record<string, () => Promise<unknown>> = {
    "brainjar: read and estimate": async () =>
      (await footprintEstimator(await readHeader(path), cpu))(chosen),
    "node-llama-cpp: dry load": async () => {
      const info = await readGgufFileInfo(path, { logWarnings: false });
      const insights = await GgufInsights.from(info, llama);
      await insights.estimateModelResourceRequirementsV2({ gpuLayers: 0 });
      await insights.estimateContextResourceRequirementsV2({
        contextSize: 4096,
        batchSize: 512,
        modelGpuLayers: 0,
      });
    },
    "node-llama-cpp: read": () => readGgufFileInfo(path, { logWarnings: false }),
    "@huggingface/gguf: read": () => gguf(path, { allowLocalFile: true }),
  };
  const least: Record<string, number> = {};
  for (let round = 0; round < 3; round++) {
    for (const [name, run] of Object.entries(contenders)) {
      const start = performance.now();
      await run();
      least[name] = Math.min(least[name] ?? Infinity, performance.now() - start);
    }
  }
  return least;
}

const percent = (ratio: number) => `${(ratio * 100).toFixed(2)} %`;
const median = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;

console.log(
  "| memory of | rows | median error | worst over | worst under | within 3 % | older formulas, median |",
);
console.log("|---|---|---|---|---|---|---|");
const all: Family = {
  name: "all",
  ours: [...families.values()].flatMap((family) => family.ours),
  oldFormulas: [...families.values()].flatMap((family) => family.oldFormulas),
};
for (const { name, ours, oldFormulas } of [...families.values(), all]) {
  const close = ours.filter((error) => Math.abs(error) <= 0.03).length / ours.length;
  const cells = [
    name,
    String(ours.length),
    percent(median(ours.map(Math.abs))),
    percent(Math.max(0, ...ours)),
    percent(Math.min(0, ...ours)),
    percent(close),
    percent(median(oldFormulas.map(Math.abs))),
  ];
  console.log(`| ${cells.join(" | ")} |`);
}

const names = Object.keys(speeds[0]?.milliseconds ?? {});
console.log(`\n| milliseconds, least of 3 | ${names.join(" | ")} |`);
console.log(`|---|${names.map(() => "---|").join("")}`);
for (const { file, milliseconds } of speeds) {
  const cells = names.map((name) => (milliseconds[name] ?? NaN).toFixed(1));
  console.log(`| ${file} | ${cells.join(" | ")} |`);
}
await llama.dispose();
