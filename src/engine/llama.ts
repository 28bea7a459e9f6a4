import { defined } from "../budget/defined.ts";
import type { Llama, LlamaModel, Token } from "node-llama-cpp";
import { noChatTemplate } from "../llama_cpp/loading/chat_template.ts";
import type { FootprintOptions } from "../llama_cpp/options.ts";
import type { ChatFrames } from "./chat/frame.ts";
import { readTemplate } from "./chat/read_template.ts";
import { collectGarbage, collectMeanwhile } from "./collect_garbage.ts";
import type { DryLoad, Engine, LoadedModel, LoadOptions, Mind, PromptFormat } from "./engine.ts";
import { engineFailure, engineUnavailable } from "./failure.ts";
import { LlamaMind, thinkingThreads } from "./mind.ts";
import { NativeLog } from "./native_log.ts";
import {
  checkMayFork,
  failedDryLoad,
  forgetVocabulary,
  replaceDryLoadOfLoads,
  skipDryLoadOfContexts,
} from "./patches.ts";
import { readPageByPage } from "./read_ahead.ts";
import { Samplers } from "./samplers.ts";
import { checkTemporaryFolder } from "./temporary_folder.ts";
import { returnFreedMemory, trimMemory } from "./trim_memory.ts";
import { checkUnchanged } from "./estimated_file.ts";
import { disposeUnfinished, makeOrDispose } from "./dispose_unfinished.ts";
import { type EngineBackend, PLATFORM } from "./gpu/backends.ts";
import { type EngineDevice, engineDevices } from "./gpu/engine_devices.ts";
import type { FetchOptions } from "./gpu/fetch_package.ts";
import { noDevice, prepareBackend, VISIBLE_DEVICES } from "./gpu/open_backend.ts";

type Package = typeof import("node-llama-cpp");

/**
 * Computed, so that Deno's module graph does not name the package (see open.ts). This file alone
 * names it.
 */
const PACKAGE = ["node", "llama", "cpp"].join("-");

/** What the engine is opened for, and where what it needs comes from. */
export interface LlamaOptions extends Omit<FetchOptions, "backend"> {
  readonly gpu: EngineBackend;
}

/**
 * Starts llama.cpp on the CPU, or with one kind of devices. Nothing is built, nothing is printed.
 *
 * @throws {BrainjarError} `engine-unavailable`, and what `prepareBackend` and `noDevice` say
 */
export async function openLlama({ gpu, ...source }: LlamaOptions): Promise<Engine> {
  const log = new NativeLog();
  // Before the engine starts its threads.
  returnFreedMemory();
  try {
    await checkMayFork();
    checkTemporaryFolder();
    const variant = gpu === "off" ? undefined : await prepareBackend({ backend: gpu, ...source });
    return await log.capture(async () => {
      const library: Package = await import(PACKAGE);
      // What reading the header left behind is given back here, so that it and the native load
      // don't add up.
      replaceDryLoadOfLoads(library.GgufInsights.prototype, trimMemory);
      const llama = await library.getLlama({
        gpu: typeOf(gpu),
        build: "never",
        skipDownload: true,
        progressLogs: false,
        logLevel: library.LlamaLogLevel.warn,
        logger: (_level, message) => log.add(message),
      });
      disposeUnfinished(llama);
      // Loading the package leaves as much behind as it keeps.
      await trimMemory();
      const engine = new LlamaEngine(library, llama, log, variant);
      if (gpu !== "off" && (await engine.devices()).length === 0) {
        await engine.dispose();
        throw noDevice(gpu);
      }
      return engine;
    });
  } catch (error) {
    throw engineUnavailable(error, log.since(0), gpu);
  }
}

/** What the package has to be told, so that it computes on these devices and no others. */
function typeOf(gpu: EngineBackend): "cuda" | "vulkan" | "metal" | false {
  if (gpu !== "off") return gpu;
  // The one build for Apple's processors has Metal: it is told that there is no device.
  if (PLATFORM !== "darwin-aarch64") return false;
  Deno.env.set(VISIBLE_DEVICES.metal, "0");
  return "metal";
}

class LlamaEngine implements Engine {
  constructor(
    readonly library: Package,
    readonly llama: Llama,
    readonly log: NativeLog,
    /** The folder of its build for a kind of devices; absent where it drives none. */
    readonly variant: URL | undefined,
  ) {}

  devices(): Promise<readonly EngineDevice[]> {
    const { variant, llama: { gpu } } = this;
    return Promise.resolve(variant && gpu !== false ? engineDevices(gpu, variant) : []);
  }

  /** llama.cpp's own dry load, by the methods that node-llama-cpp calls V2 (src/engine/README.md). */
  async dryLoad(model: string, options: FootprintOptions): Promise<DryLoad> {
    const mark = this.log.mark();
    const { GgufInsights, GgmlType, readGgufFileInfo } = this.library;
    try {
      const file = await readGgufFileInfo(model, { sourceType: "filesystem", logWarnings: false });
      const insights = await GgufInsights.from(file, this.llama);
      const gpuLayers = options.offload?.gpuLayers ?? 0;
      const weights = await insights.estimateModelResourceRequirementsV2({
        gpuLayers,
        useMmap: options.mmap,
      });
      const context = await insights.estimateContextResourceRequirementsV2({
        modelGpuLayers: gpuLayers,
        contextSize: options.contextSize,
        batchSize: options.batchSize,
        sequences: options.sequences,
        flashAttention: options.flashAttention,
        kvCacheKeyType: GgmlType[options.kvCacheKeyType],
        kvCacheValueType: GgmlType[options.kvCacheValueType],
        useMmap: options.mmap,
      });
      const failure = failedDryLoad(this.log.since(mark));
      if (failure !== undefined) throw new Error(failure);
      return {
        modelBytes: weights.cpuRam,
        contextBytes: context.cpuRam,
        ...this.variant &&
          { onDevices: { modelBytes: weights.gpuVram, contextBytes: context.gpuVram } },
      };
    } catch (error) {
      throw engineFailure("model-load-failed", { path: model }, error, this.log.since(mark));
    } finally {
      await trimMemory();
    }
  }

  async load(path: string, options: LoadOptions): Promise<LoadedModel> {
    const { signal, onProgress } = options;
    const mark = this.log.mark();
    try {
      signal?.throwIfAborted();
      await checkUnchanged(options.files ?? []);
      const model = await this.log.capture(() =>
        collectMeanwhile(() =>
          makeOrDispose(() =>
            this.llama.loadModel({
              modelPath: path,
              gpuLayers: options.gpuLayers ?? 0,
              useMmap: options.mmap,
              // brainjar decided admission; the engine's own figures know no control groups.
              ignoreMemorySafetyChecks: true,
              ...defined({ loadSignal: signal, onLoadProgress: onProgress }),
            })
          )
        )
      );
      disposeUnfinished(model);
      if (options.mmap) readPageByPage(options.sparse ?? []);
      skipDryLoadOfContexts(model.fileInsights);
      const samplers = new Samplers(forgetVocabulary(model));
      const chat = await this.#chatFrames(model, path, options.promptFormat ?? "auto");
      return new LlamaLoadedModel({ path, model, samplers, log: this.log, ...defined({ chat }) });
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw engineFailure(
        "model-load-failed",
        { path, ...defined({ gpuLayers: options.gpuLayers }) },
        error,
        this.log.since(mark),
      );
    } finally {
      // Loading frees about as much as it keeps: the file's strings, and a dry load's vocabulary.
      await trimMemory();
    }
  }

  /** The model's chat template, rendered; disposes the model where that fails. */
  async #chatFrames(
    model: LlamaModel,
    path: string,
    format: PromptFormat,
  ): Promise<ChatFrames | undefined> {
    const template = model.fileInfo.metadata.tokenizer?.chat_template?.trim() ?? "";
    if (format === "raw" || (format === "auto" && template === "")) return undefined;
    try {
      if (template === "") throw noChatTemplate(path);
      return readTemplate(this.library.JinjaTemplateChatWrapper, template, path);
    } catch (error) {
      await model.dispose();
      // Of a template that doesn't end, all that it made until then.
      collectGarbage("last-resort");
      throw error;
    }
  }

  async dispose(): Promise<void> {
    await this.llama.dispose();
    await trimMemory();
  }
}

/** What minds on a loaded model share. */
interface LoadedParts {
  readonly path: string;
  readonly model: LlamaModel;
  readonly chat?: ChatFrames;
  readonly samplers: Samplers;
  readonly log: NativeLog;
}

class LlamaLoadedModel implements LoadedModel {
  readonly #parts: LoadedParts;

  constructor(parts: LoadedParts) {
    this.#parts = parts;
  }

  get path(): string {
    return this.#parts.path;
  }

  async createMind(options: FootprintOptions, signal?: AbortSignal): Promise<Mind> {
    const { path, model, log } = this.#parts;
    const mark = log.mark();
    try {
      signal?.throwIfAborted();
      const context = await makeOrDispose(() =>
        model.createContext({
          contextSize: options.contextSize,
          batchSize: options.batchSize,
          sequences: options.sequences,
          threads: thinkingThreads(model.size, [
            model.llama.cpuMathCores,
            navigator.hardwareConcurrency,
          ]),
          flashAttention: options.flashAttention,
          experimentalKvCacheKeyType: options.kvCacheKeyType,
          experimentalKvCacheValueType: options.kvCacheValueType,
          ignoreMemorySafetyChecks: true,
          // A smaller context than was admitted would be another jar.
          failedCreationRemedy: false,
        })
      );
      // node-llama-cpp's own signal leaves the promise pending for ever where it fires while the
      // context waits for its turn; it would not interrupt the native call either.
      if (signal?.aborted) {
        await context.dispose();
        await trimMemory();
        throw signal.reason;
      }
      return new LlamaMind<Token>({ ...this.#parts, context, contextSize: options.contextSize });
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      const { gpuLayers } = model;
      throw engineFailure("context-failed", { path, gpuLayers }, error, log.since(mark));
    }
  }

  async dispose(): Promise<void> {
    await this.#parts.model.dispose();
    await trimMemory();
  }
}
