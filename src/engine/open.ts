import { loadModule } from "../load_module.ts";
import type { Engine } from "./engine.ts";
import type { GpuBackend } from "../llama_cpp/options.ts";
import type { EngineBackend } from "./gpu/backends.ts";

/** How the engine is opened. */
export interface OpenOptions {
  /** What it computes on beside the processor; nothing unless told otherwise. A process has one. */
  readonly gpu?: EngineBackend;
  /** Told what is fetched before it is; nobody unless told otherwise. */
  readonly say?: (line: string) => void;
}

/** The checksums of what may be fetched, in brainjar's sources; nothing that is packed has them. */
const LOCK = new URL("../../deno.lock", import.meta.url);

/**
 * Opens the engine; the first time on a machine Deno fetches it. What a kind of devices needs
 * besides is fetched when it is first asked for.
 *
 * Both steps hide their specifiers from Deno's module graph (this one's import, and the package's
 * name in `llama.ts`), since Deno downloads whatever the graph names, literal dynamic imports
 * included, and `check`, `estimate` and `memory` must not wait for an engine they never start.
 *
 * @throws {BrainjarError} `engine-unavailable`; where a device is asked for `backend-not-here`,
 * `gpu-library-missing`, `engine-variant-absent` or `no-device`
 *
 * @example
 * ```ts ignore
 * import { openEngine } from "./open.ts";
 * const engine = await openEngine();
 * const model = await engine.load("brain.gguf", { mmap: true });
 * await model.dispose();
 * await engine.dispose();
 * ```
 */
export async function openEngine(
  { gpu = "off", say = () => {} }: OpenOptions = {},
): Promise<Engine> {
  const { openLlama } = await loadModule<typeof import("./llama.ts")>(
    import.meta,
    "./llama.ts",
  );
  return await openLlama({ gpu, lock: LOCK, say });
}

/**
 * Throws where the engine's build for a backend isn't here and couldn't be fetched.
 *
 * @throws {BrainjarError} `engine-variant-absent`
 */
export async function checkBuildComes(backend: GpuBackend): Promise<void> {
  const { checkComes } = await loadModule<typeof import("./gpu/fetch_package.ts")>(
    import.meta,
    "./gpu/fetch_package.ts",
  );
  await checkComes({ backend, lock: LOCK });
}

/**
 * Fetches what an engine for these devices needs, and says what the system lacks for it, so that
 * another process can open it.
 *
 * @throws {BrainjarError} `backend-not-here`, `gpu-library-missing` or `engine-variant-absent`
 */
export async function prepareEngine(
  { gpu = "off", say = () => {} }: OpenOptions,
): Promise<void> {
  if (gpu === "off") return;
  const { prepareBackend } = await loadModule<typeof import("./gpu/open_backend.ts")>(
    import.meta,
    "./gpu/open_backend.ts",
  );
  await prepareBackend({ backend: gpu, lock: LOCK, say });
}

/**
 * An engine that is opened when it is first asked for something: what is refused before the first
 * load never waits for one.
 *
 * @example
 * ```ts
 * import { lazyEngine } from "./open.ts";
 * const engine = lazyEngine(() => Promise.reject(new Error("Never opened")));
 * await engine.dispose();
 * ```
 */
export function lazyEngine(open: () => Promise<Engine> = openEngine): Engine {
  let opened: Promise<Engine> | undefined;
  const engine = () => opened ??= open();
  return {
    devices: async () => await (await engine()).devices(),
    dryLoad: async (model, options) => await (await engine()).dryLoad(model, options),
    load: async (model, options) => await (await engine()).load(model, options),
    dispose: async () => {
      // A failed opening was told where it was asked for.
      await opened?.then((engine) => engine.dispose(), () => {});
    },
  };
}
