/**
 * All that brainjar knows of node-llama-cpp beyond what the package promises: a table of patches
 * with the code of the package that each stands on. The way to each is in patches.ts, or in the file
 * that its reason names.
 *
 * tests/engine/patches_test.ts holds the needs against the installed package, and `deno task
 * follow` against another version.
 */

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
    name: "builds-as-packages",
    why: "A build for devices is fetched into Deno's cache as the package that the engine then " +
      "imports, and is found there before (gpu/backends.ts)",
    needs: {
      "dist/bindings/utils/compileLLamaCpp.js": [
        '() => import("@node-llama-cpp/linux-x64-vulkan")',
        '() => import("@node-llama-cpp/linux-x64-cuda")',
        '() => import("@node-llama-cpp/linux-x64-cuda-ext")',
        "binariesModule?.getBinsDir?.()",
      ],
    },
  },
  {
    name: "ggml-registry",
    why:
      "Each device's memory is in ggml's own registry, in the library that the build has loaded, " +
      "whose name ends with variant and version (gpu/engine_devices.ts)",
    needs: {
      "llama/CMakeLists.txt": ['addVariantSuffix(ggml "${NLC_VARIANT}")'],
      "llama/cmake/addVariantSuffix.cmake": ['LIBRARY_OUTPUT_NAME "${_name}"'],
    },
  },
  {
    name: "last-words",
    why: "What native code says goes to a queue that a process which ends never empties; for the " +
      "trial of a device it is said at once (gpu/trial.ts)",
    needs: { "dist/config.js": ['env.get("NODE_LLAMA_CPP_DEBUG")'] },
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
