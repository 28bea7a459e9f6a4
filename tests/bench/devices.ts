/**
 * Accuracy of the estimate on a device, side by side in one run with what a user would pick instead:
 * node-llama-cpp's formulas, and rules of thumb.
 *
 *     deno run -A tests/bench/devices.ts
 *
 * Allocation is held against what llama.cpp's dry load said on an H100 (fixtures/truth/gpu,
 * cuda.jsonl.gz), what a card holds after a thought against what an H200 and an H100 counted as used
 * (real.jsonl).
 */
import { getLlama, GgufInsights, readGgufFileInfo } from "node-llama-cpp";
import { truthModels } from "../../fixtures/truth/files.ts";
import { realFile, type RealRow } from "../../fixtures/truth/gpu/real.ts";
import { recordedFile, type RecordedRow } from "../../fixtures/truth/gpu/recorded.ts";
import { estimateRead } from "../../src/footprint/estimate.ts";
import type { DeviceBytes } from "../../src/footprint/footprint.ts";
import { readHeader } from "../../src/gguf/read.ts";
import { type ReadModel, readModel } from "../../src/llama_cpp/models/families.ts";
import type { Device, FootprintOptions } from "../../src/llama_cpp/options.ts";
import { readCpuFeatures } from "../../src/machine/cpu.ts";
import { median } from "./median.ts";

const MIB = 1024 ** 2;

/** What people add to a file's size. */
const THUMB = 1.2;

/** The two cards, as they were. */
const CARD: Device = {
  id: "cuda:0",
  backend: "cuda",
  freeBytes: 80 * 1024 * MIB,
  isUnified: false,
  computeCapability: 90,
  multiprocessors: 132,
};

const llama = await getLlama({ gpu: false, build: "never", logLevel: "error" as never });
const cpu = await readCpuFeatures();
const recorded = Map.groupBy(await recordedFile.read(), ({ file }) => file);
const real = Map.groupBy(await realFile.read(), ({ model }) => model);

async function onCard(
  model: ReadModel,
  gpuLayers: number,
  options: Omit<FootprintOptions, "offload" | "mmap">,
): Promise<DeviceBytes> {
  const offload = { devices: [CARD], gpuLayers };
  const { devices = [] } = await estimateRead(model, { ...options, mmap: true, offload }, cpu);
  const [held] = devices;
  if (held === undefined) throw new Error("A device without figures");
  return held;
}

const dryLoadOf = ({ weights, kvCache, recurrentState, compute }: DeviceBytes) =>
  weights + kvCache + recurrentState + compute;

/** Bytes on the device by each way, beside what was right. */
interface Answers {
  readonly truth: number;
  readonly ours: number;
  readonly formulas: number;
  readonly thumb: number;
}

const allocations: Answers[] = [];
const thoughts: { readonly name: string; readonly answers: Answers }[] = [];

for await (const { file, path } of truthModels()) {
  const header = await readHeader(path);
  const model = await readModel(header);
  const all = model.shape.allLayerCount + 1;
  const info = await readGgufFileInfo(path, { logWarnings: false });
  const insights = await GgufInsights.from(info, llama);
  const formulas = (
    gpuLayers: number,
    row: Pick<RecordedRow, "contextSize" | "batchSize" | "sequences" | "flashAttention">,
  ) => {
    const context = insights.estimateContextResourceRequirements({
      contextSize: row.contextSize,
      batchSize: row.batchSize,
      sequences: row.sequences,
      flashAttention: row.flashAttention,
      modelGpuLayers: gpuLayers,
    });
    return insights.estimateModelResourceRequirements({ gpuLayers }).gpuVram + context.gpuVram;
  };
  const thumb = (gpuLayers: number) => header.fileBytes * THUMB * gpuLayers / all;
  for (const row of recorded.get(file) ?? []) {
    const truth = row.model.gpuVram + row.context.gpuVram;
    allocations.push({
      truth,
      ours: dryLoadOf(
        await onCard(model, row.gpuLayers, {
          ...row,
          kvCacheKeyType: row.kvCacheType,
          kvCacheValueType: row.kvCacheType,
        }),
      ),
      formulas: formulas(row.gpuLayers, row),
      thumb: thumb(row.gpuLayers),
    });
  }
  for (const row of real.get(file) ?? []) {
    const gpuLayers = Math.min(row.layers, all);
    const options = contextOf(row);
    const held = await onCard(model, gpuLayers, {
      ...options,
      kvCacheKeyType: row.kv,
      kvCacheValueType: row.kv,
    });
    thoughts.push({
      name: `${file.replace(".gguf", "")}, ${gpuLayers} of ${all} layers, ${row.ctx}, ${
        row.fa === "fa" ? "" : "no "
      }flash attention`,
      answers: {
        truth: row.smi.thought * MIB,
        ours: dryLoadOf(held) + held.runtime + held.thinking,
        formulas: formulas(gpuLayers, options),
        thumb: thumb(gpuLayers),
      },
    });
  }
}

function contextOf({ ctx, batch, fa }: RealRow) {
  return { contextSize: ctx, batchSize: batch, sequences: 1, flashAttention: fa === "fa" };
}

const percent = (ratio: number) => `${(ratio * 100).toFixed(2)} %`;

function table(title: string, answers: readonly Answers[]): void {
  console.log(`\n| ${title} | exact | median error | worst over | worst under |`);
  console.log("|---|---|---|---|---|");
  const ways = {
    brainjar: "ours",
    "node-llama-cpp's formulas": "formulas",
    "file × 1.2": "thumb",
  } as const;
  for (const [name, way] of Object.entries(ways)) {
    // The formulas answer no number for some models.
    const errors = answers.map((one) => one[way] / one.truth - 1).filter(Number.isFinite);
    const cells = [
      name,
      `${errors.filter((error) => error === 0).length} of ${answers.length}`,
      percent(median(errors.map(Math.abs))),
      percent(Math.max(0, ...errors)),
      percent(Math.min(0, ...errors)),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}

table("allocated on an H100", allocations.filter(({ truth }) => truth > 0));
table("held by a card after a thought", thoughts.map(({ answers }) => answers));

console.log("\n| held after a thought, MiB | the card | brainjar | ratio |");
console.log("|---|---|---|---|");
for (const { name, answers: { truth, ours } } of thoughts) {
  console.log(
    `| ${name} | ${Math.round(truth / MIB)} | ${Math.round(ours / MIB)} | ${
      (ours / truth).toFixed(3)
    } |`,
  );
}
Deno.exit(0);
