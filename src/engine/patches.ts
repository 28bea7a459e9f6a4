/**
 * All that brainjar knows of node-llama-cpp beyond what the package promises: a table of patches
 * with the code of the package that each stands on, then the one way to each, in the same order.
 * What the types of the package declare isn't here; the compiler looks after that.
 *
 * tests/engine/patches_test.ts holds the needs against the installed package, and `deno task
 * follow` against another version.
 */
import files from "node:fs/promises";

/** A way into node-llama-cpp that the package doesn't promise. */
export interface Patch {
  readonly name: string;
  /** What would be wrong without it. */
  readonly why: string;
  /** By file, from the package's root: code that it must hold to the letter. */
  readonly needs: Readonly<Record<string, readonly string[]>>;
}

const INSIGHTS = "dist/gguf/insights/GgufInsights.js";
const MODEL = "dist/evaluator/LlamaModel/LlamaModel.js";
const CONTEXT = "dist/evaluator/LlamaContext/LlamaContext.js";

/** Every patch, in the order that a run comes by them. */
export const PATCHES: readonly Patch[] = [
  {
    name: "forked-trial",
    why:
      "On Linux the package tries its binary in a process of its own, and where that may not be " +
      "started it throws where nobody can catch it",
    needs: {
      "dist/bindings/utils/testBindingBinary.js": ["forkFunction.fork(__filename, [], {"],
    },
  },
  {
    name: "console-lines",
    why: "The package writes to the console past its own logger, stack traces included",
    needs: { "dist/utils/getConsoleLogPrefix.js": ['"[node-llama-cpp]"'] },
  },
  {
    name: "dry-load",
    why:
      "Where llama.cpp's own dry load fails, the package answers with its older formulas, which " +
      "are wrong by half and more, and only logs that it did",
    needs: {
      [INSIGHTS]: [
        "Failed simulating model resource usage. Falling back to estimation heuristic.",
        "Failed simulating context resource usage. Falling back to estimation heuristic.",
      ],
      "llama/addon/AddonGgufMetadata.cpp": ["Failed to parse GGUF metadata"],
    },
  },
  {
    name: "load-without-dry-load",
    why: "The package dry-loads a model in the middle of loading it, which builds the vocabulary " +
      "twice, and that is more than many models weigh",
    needs: {
      "dist/index.js": ['import { GgufInsights } from "./gguf/insights/GgufInsights.js'],
      [INSIGHTS]: ["async estimateModelResourceRequirementsV2(options)"],
      [MODEL]: [
        `await ggufInsights.estimateModelResourceRequirementsV2({
                gpuLayers,
                useMmap: resolvedUseMmap,
                _simulatorSession: simulatorSession`,
        "const model = new LlamaModel({ ...modelOptions, gpuLayers,",
      ],
    },
  },
  {
    name: "header-in-pieces",
    why:
      "The package opens a model anew for each 4 MB of its header, and between two of them there " +
      "is no other moment to have V8 collect what it read",
    needs: {
      "dist/gguf/fileReaders/GgufFsFileReader.js": [
        'import fs from "node:fs/promises";',
        'await fs.open(this.filePath, "r")',
      ],
      "dist/gguf/consts.js": ["defaultExtraAllocationSize = 1024 * 1024 * 4;"],
    },
  },
  {
    name: "unfinished-parts",
    why:
      "The package leaves a model or a context alone whose making failed or was aborted, and then " +
      "waits for it before the parent is disposed: for ever, if V8 has collected it by then",
    needs: {
      "dist/bindings/Llama.js": ["onDispose = new EventRelay();"],
      [MODEL]: [
        "onDispose = new EventRelay();",
        "_llama.onDispose.createListener(disposeModelIfReferenced.bind(null, new WeakRef(this)))",
      ],
      [CONTEXT]: [
        "model.onDispose.createListener(disposeContextIfReferenced.bind(null, new WeakRef(this)))",
      ],
    },
  },
  {
    name: "mapped-weights",
    why:
      "What a token reads only here and there is read page by page once it is told to the kernel, " +
      "for the addresses where llama.cpp mapped the model (read_ahead.ts)",
    needs: {
      "llama/addon/AddonModel.cpp": [
        `options.Get("useMmap").As<Napi::Boolean>().Value()) {
            model_params.load_mode = LLAMA_LOAD_MODE_MMAP;`,
      ],
    },
  },
  {
    name: "forgotten-vocabulary",
    why:
      "The package keeps the vocabulary that it read with the header beside llama.cpp's own: half " +
      "a million strings for 128 thousand tokens",
    needs: {
      [MODEL]: [
        "const fileInfo = await readGgufFileInfo(modelOptions.modelPath, {",
        "_fileInfo: fileInfo,",
        "get fileInfo() {\n        return this._fileInfo;",
      ],
    },
  },
  {
    name: "context-without-dry-load",
    why:
      "The package dry-loads the model for its first context and keeps that, a second vocabulary, " +
      "for as long as the model lives, for a figure that only its safety checks read, which are off",
    needs: {
      [CONTEXT]: [
        "await _model.fileInsights.estimateContextResourceRequirementsV2({",
        `options.ignoreMemorySafetyChecks
                ? null
                : _model._llama._vramOrchestrator.reserveMemory(resourceRequirementsEstimation`,
      ],
      "dist/gguf/insights/utils/resolveContextContextSizeOption.js": [
        `if (ignoreMemorySafetyChecks)
                return resolvedContextSize;`,
      ],
    },
  },
  {
    name: "last-cell",
    why: "The package keeps the last cell of a context free, and would throw out a context's " +
      "beginning where a thought went on to it",
    needs: { [CONTEXT]: ["this._context.contextSize - 1 - this._nextTokenIndex;"] },
  },
  {
    name: "samplers",
    why:
      "The package makes a sampler for each step of a prompt and each thought, as large as the " +
      "vocabulary, which only a collection frees and of which V8 knows nothing (samplers.ts)",
    needs: {
      [CONTEXT]: ["const sampler = new LlamaSampler(this.model);"],
      "llama/addon/AddonSampler.cpp": [
        "tokenCandidates.resize(llama_vocab_n_tokens(model->vocab));",
      ],
    },
  },
];

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

/**
 * What a package lacks of what a patch needs, each as a sentence that begins with the patch's name.
 *
 * `read` answers the text of a file from the package's root, or nothing where there is none.
 */
export async function unmetNeeds(
  patch: Patch,
  read: (file: string) => Promise<string | undefined>,
): Promise<string[]> {
  const sentences: string[] = [];
  for (const [file, pieces] of Object.entries(patch.needs)) {
    const text = await read(file);
    if (text === undefined) sentences.push(`${patch.name}: ${file} is gone`);
    const lacking = pieces.filter((code) => text?.includes(code) === false);
    sentences.push(...lacking.map((code) => `${patch.name}: ${file} lacks ${code}`));
  }
  return sentences;
}
