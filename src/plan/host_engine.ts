import type { SeparateDryLoads, StartDryLoads } from "../engine/dry_load_process.ts";
import type { Engine } from "../engine/engine.ts";
import type { EngineBackend } from "../engine/gpu/backends.ts";
import { lazyEngine, openEngine, prepareEngine } from "../engine/open.ts";
import { loadModule } from "../load_module.ts";

/** What a host's engine is opened for, and by whom. */
interface HostEngineOptions {
  /** What it computes on; asked when something is first asked of it. */
  readonly backend: () => EngineBackend;
  /** Tells what starts a program that answers for an engine; without it all is done here. */
  readonly start: StartDryLoads | undefined;
  /** Whether models will be loaded in this process: then it tells its own devices. */
  readonly loadsHere: boolean;
  /** Told what is fetched before it is. */
  readonly say: (line: string) => void;
}

/**
 * An engine whose dry loads are made in a process of their own, where there is what starts one; it
 * is started, and its code loaded, when the first is asked for. So are devices told, unless models
 * are to be loaded here.
 */
export function hostEngine({ backend, start, loadsHere, say }: HostEngineOptions): Engine {
  const engine = lazyEngine(() => openEngine({ gpu: backend(), say }));
  const opened = new Map<EngineBackend, Promise<SeparateDryLoads | undefined>>();
  const open = async (gpu: EngineBackend) => {
    const command = start?.();
    if (command === undefined) return undefined;
    // Here, where somebody hears what is fetched.
    await prepareEngine({ gpu, say });
    const { SeparateDryLoads } = await loadModule<
      typeof import("../engine/dry_load_process.ts")
    >(import.meta, "../engine/dry_load_process.ts");
    return new SeparateDryLoads(command, gpu);
  };
  const separate = () => {
    const gpu = backend();
    const opening = opened.get(gpu) ?? open(gpu);
    opened.set(gpu, opening);
    return opening;
  };
  return {
    ...engine,
    devices: async () => {
      const elsewhere = loadsHere ? undefined : await separate();
      return await elsewhere?.ask({ ask: "devices" }) ?? await engine.devices();
    },
    dryLoad: async (model, options) => await (await separate() ?? engine).dryLoad(model, options),
    dispose: async () => {
      for (const opening of opened.values()) {
        await (await opening.catch(() => undefined))?.dispose();
      }
      await engine.dispose();
    },
  };
}
