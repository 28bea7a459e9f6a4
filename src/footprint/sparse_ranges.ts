import type { GgufHeader } from "../gguf/header.ts";
import { readModel } from "../llama_cpp/models/families.ts";
import type { CpuFeatures } from "../llama_cpp/options.ts";
import { tensorBytes } from "../llama_cpp/ggml/tensor_bytes.ts";
import { type LoadedWeight, loadedWeights } from "../llama_cpp/memory/weights.ts";

/** Bytes of a file, its end not in it. */
export interface FileRange {
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

/**
 * Shorter stretches don't pay to be told apart: norms between matrices that every token reads are
 * read with them, and those between matrices that nothing reads any more are few pages.
 */
const SHORTEST = 1024 ** 2;

/** Whether every token reads all of a weight from the mapping, and it is long enough to matter. */
export function isDense({ repacked, readByRow, bytes }: LoadedWeight): boolean {
  return !repacked && !readByRow && bytes >= SHORTEST;
}

/**
 * Ranges of a model's files of which a token reads a page here and there, or nothing any more,
 * once the model is loaded: embeddings that are looked up, weights that have been laid out anew,
 * and what lies between them.
 *
 * Where memory is tight, the kernel's read-ahead would fetch megabytes around each of these pages
 * and throw out what the next layer needs (engine/read_ahead.ts).
 */
export async function sparseRanges(header: GgufHeader, cpu: CpuFeatures): Promise<FileRange[]> {
  const weights = loadedWeights(header, (await readModel(header)).shape, cpu);
  return header.parts.flatMap(({ path, dataOffset, fileBytes }, part) => {
    const dense = denseRanges(weights.filter(({ tensor }) => tensor.part === part), dataOffset);
    const ends = [...dense.map(([start]) => start), fileBytes];
    const starts = [0, ...dense.map(([, end]) => end)];
    return starts.map((start, index) => ({ path, start, end: ends[index] ?? start }))
      .filter(({ start, end }) => end > start);
  });
}

/** What every token reads from the file itself, as ranges with gaps that are worth one. */
function denseRanges(weights: readonly LoadedWeight[], dataOffset: number): [number, number][] {
  const ranges: [start: number, end: number][] = [];
  const read = weights
    .filter((weight) => !weight.repacked && !weight.readByRow)
    .map(({ tensor }): [number, number] => {
      const start = dataOffset + tensor.offset;
      return [start, start + tensorBytes(tensor)];
    })
    .sort((a, b) => a[0] - b[0]);
  for (const range of read) {
    const last = ranges.at(-1);
    if (last !== undefined && range[0] - last[1] < SHORTEST) last[1] = Math.max(last[1], range[1]);
    else ranges.push(range);
  }
  return ranges.filter(([start, end]) => end - start >= SHORTEST);
}
