import { generateModel } from "../../fixtures/generate.ts";
import { type ModelShape, PRESETS } from "../../fixtures/shape.ts";
import { DEMO_BRAIN } from "../e2e/program.ts";

/** A model that a job of Slurm's is asked for, and how. */
export interface Sized {
  readonly name: string;
  /** Nothing: the demo brain. */
  readonly shape?: ModelShape;
  readonly contextSize: number;
  readonly mmap: boolean;
}

function shaped(preset: string, changes: Partial<ModelShape>): ModelShape {
  const shape = PRESETS[preset];
  if (shape === undefined) throw new Error(`No preset ${preset}`);
  return { ...shape, ...changes };
}

/** Files of 3 to 400 MB, most of it in anonymous memory where it isn't mapped. */
export const SIZED: readonly Sized[] = [
  { name: "demo brain", contextSize: 1024, mmap: true },
  {
    name: "20 MB Q8_0",
    shape: shaped("60m-q8_0", { vocabularySize: 8000, layers: 4 }),
    contextSize: 2048,
    mmap: true,
  },
  { name: "66 MB Q8_0", shape: shaped("60m-q8_0", {}), contextSize: 2048, mmap: true },
  {
    name: "200 MB F16",
    shape: shaped("60m-q8_0", { vocabularySize: 64000, type: "F16" }),
    contextSize: 1024,
    mmap: false,
  },
  {
    name: "400 MB Q8_0",
    shape: shaped("60m-q8_0", {
      vocabularySize: 96000,
      embedding: 1024,
      heads: 16,
      feedForward: 4096,
      layers: 16,
    }),
    contextSize: 512,
    mmap: false,
  },
];

/** Writes a model unless it is there; answers where. */
export async function ensureModel(folder: string, { name, shape }: Sized): Promise<string> {
  if (shape === undefined) return DEMO_BRAIN[1] ?? "";
  const path = `${folder}/${name.replaceAll(" ", "-")}.gguf`;
  try {
    await Deno.stat(path);
  } catch {
    await Deno.mkdir(folder, { recursive: true });
    const options = { seed: 1, split: 1, alignment: 32, sparse: false, version: 3 as const };
    await generateModel(shape, path, options);
  }
  return path;
}
