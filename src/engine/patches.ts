/**
 * The one way to each patch of node-llama-cpp, in the order of their table (patch_table.ts). What
 * the types of the package declare isn't here; the compiler looks after that.
 */
import files from "node:fs/promises";

/** Throws where Deno may not start itself. */
export async function checkMayFork(): Promise<void> {
  const run = { name: "run", command: Deno.execPath() } as const;
  if ((await Deno.permissions.query(run)).state !== "granted") {
    throw new Error("Deno may not run itself: --allow-run is missing");
  }
}

/** Whether a line on the console comes from the package. */
export function isEngineLine(line: string): boolean {
  return line.includes("[node-llama-cpp]");
}

/** The line that says a dry load was none, of those the package logged meanwhile. */
export function failedDryLoad(lines: readonly string[]): string | undefined {
  return lines.find((line) => /Falling back|Failed to parse/.test(line));
}

/** What a dry load of the package answers, in bytes. */
interface Resources {
  readonly cpuRam: number;
  readonly gpuVram: number;
}

const NOTHING: Resources = { cpuRam: 0, gpuVram: 0 };

/**
 * Has loads do `instead` of a dry load. A load is known by its session, which a dry load that
 * brainjar asks for doesn't have.
 *
 * That is also the one moment between the file's header, read as JavaScript strings, and the native
 * load.
 */
export function replaceDryLoadOfLoads<Options extends object>(
  insights: { estimateModelResourceRequirementsV2(options: Options): Promise<Resources> },
  instead: () => Promise<unknown>,
): void {
  const estimate = insights.estimateModelResourceRequirementsV2;
  insights.estimateModelResourceRequirementsV2 = async function (options) {
    if (!("_simulatorSession" in options)) return await estimate.call(this, options);
    await instead();
    return NOTHING;
  };
}

/** What is called before files are opened, and what opens them. */
const openings = new Set<() => void>();
const { open } = files;

/** Does `work`, and calls `opening` before each file that is opened meanwhile. */
export async function beforeEachOpening<Result>(
  opening: () => void,
  work: () => Promise<Result>,
): Promise<Result> {
  openings.add(opening);
  files.open = (...parameters: Parameters<typeof open>) => {
    for (const opening of openings) opening();
    return open(...parameters);
  };
  try {
    return await work();
  } finally {
    openings.delete(opening);
    if (openings.size === 0) files.open = open;
  }
}

/** A part of the package that tells what was made from it when it is disposed. */
export interface Parent {
  readonly onDispose: { createListener(callback: () => void): unknown };
}

/**
 * Calls `made` with what disposes a part whenever one is made from `parent`: what the part listens
 * with for its parent's end is all that can be had of it from outside.
 */
export function whenPartIsMade(
  { onDispose }: Parent,
  made: (dispose: () => void) => void,
): void {
  const { createListener } = onDispose;
  onDispose.createListener = (callback) => {
    made(callback);
    return createListener(callback);
  };
}

/** Lets go of a loaded model's vocabulary; answers how many tokens it has. */
export function forgetVocabulary(
  model: {
    readonly fileInfo: {
      readonly metadata: { readonly tokenizer: { readonly ggml: { tokens: readonly string[] } } };
    };
  },
): number {
  const { ggml } = model.fileInfo.metadata.tokenizer;
  const { length } = ggml.tokens;
  Object.assign(ggml, { tokens: [], merges: [], scores: [], token_type: [] });
  return length;
}

/** Has a loaded model make contexts without a dry load. */
export function skipDryLoadOfContexts(insights: {
  estimateContextResourceRequirementsV2(options: never): Promise<Resources>;
}): void {
  insights.estimateContextResourceRequirementsV2 = () => Promise.resolve(NOTHING);
}

/** Tokens that the package puts into a context of that many cells. */
export function usableCells(contextSize: number): number {
  return contextSize - 1;
}
