import type { Engine, LoadedModel, LoadOptions } from "../../engine/engine.ts";

/** A jar's reference to a loaded model. */
export interface ModelReference {
  readonly model: LoadedModel;
  /** Keeps the model until `work` has settled: a context in the making, or being freed. */
  until(work: Promise<unknown>): void;
  /**
   * Lets go, once what was named to `until` has settled; the last one to let go disposes the
   * model. Calling it again does nothing.
   */
  release(): Promise<void>;
}

interface Entry {
  readonly loading: Promise<LoadedModel>;
  references: number;
}

/**
 * The models in memory, each with the number of jars that refer to it. Jars that name the same model
 * with as many layers on devices share one load of it, unless `share` is false: then each loads it
 * for itself, as the seed does.
 */
export class ModelPool {
  readonly #engine: Engine;
  readonly #share: boolean;
  readonly #entries = new Map<string, Entry>();

  constructor(engine: Engine, share: boolean) {
    this.#engine = engine;
    this.#share = share;
  }

  /** Whether a jar on `path` would find its weights in memory. */
  has(path: string, gpuLayers = 0): boolean {
    return this.#entries.has(keyOf(path, gpuLayers));
  }

  /** The next to ask for `path` loads it anew: the load that hangs there is nobody's any more. */
  forget(path: string, gpuLayers = 0): void {
    this.#entries.delete(keyOf(path, gpuLayers));
  }

  /** Loads `path`, or joins the jars that refer to it. Errors are the engine's own. */
  async acquire(path: string, options: LoadOptions): Promise<ModelReference> {
    if (!this.#share) {
      const model = await this.#engine.load(fileOf(path, options), options);
      return refer(model, () => model.dispose());
    }
    const key = keyOf(path, options.gpuLayers ?? 0);
    const entry = this.#entries.get(key) ?? this.#load(key, path, options);
    entry.references++;
    const letGo = async () => {
      if (--entry.references > 0) return;
      // Forgotten before it is disposed: who asks meanwhile must get a model that will stay.
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      await (await entry.loading).dispose();
    };
    try {
      return refer(await entry.loading, letGo);
    } catch (error) {
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      throw error;
    }
  }

  #load(key: string, path: string, options: LoadOptions): Entry {
    const entry: Entry = {
      loading: this.#engine.load(fileOf(path, options), options),
      references: 0,
    };
    this.#entries.set(key, entry);
    return entry;
  }
}

/** What one load is known by. */
function keyOf(path: string, gpuLayers: number): string {
  return `${gpuLayers} ${path}`;
}

/** The first file is what is loaded: a name in a cache isn't its path. */
function fileOf(name: string, { files = [] }: LoadOptions): string {
  return files[0]?.path ?? name;
}

function refer(model: LoadedModel, letGo: () => Promise<void>): ModelReference {
  const pending = new Set<Promise<unknown>>();
  let released: Promise<void> | undefined;
  async function release() {
    while (pending.size > 0) await Promise.all(pending);
    await letGo();
  }
  return {
    model,
    until(work) {
      const settled: Promise<unknown> = work.catch(() => {}).finally(() => pending.delete(settled));
      pending.add(settled);
    },
    release: () => released ??= release(),
  };
}
