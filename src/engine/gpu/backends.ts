import configuration from "../../../deno.json" with { type: "json" };
import { GPU_BACKENDS, type GpuBackend } from "../../llama_cpp/options.ts";

/** What an engine is opened for: one kind of devices, or none. */
export type EngineBackend = "off" | GpuBackend;

/** One package of the engine: llama.cpp built for one platform and backend. */
export interface EnginePackage {
  readonly name: string;
  /** What is downloaded, in millions of bytes; absent where nobody has weighed it. */
  readonly megabytes?: number;
}

/** What its packages tell where they are with. */
const MAIN_FILE = "dist/index.js";

/** A system and a processor, as Deno names them. */
export type Platform = `${typeof Deno.build.os}-${typeof Deno.build.arch}`;

/** What drives one backend on one platform. */
export interface Variant {
  readonly main: EnginePackage;
  /** The same for an older CUDA runtime, beside `main`. */
  readonly older?: EnginePackage;
}

const scoped = (name: string) => `@node-llama-cpp/${name}`;

const VARIANTS: Readonly<Partial<Record<Platform, Partial<Record<GpuBackend, Variant>>>>> = {
  "linux-x86_64": {
    cuda: {
      main: { name: scoped("linux-x64-cuda"), megabytes: 142.9 },
      older: { name: scoped("linux-x64-cuda-ext"), megabytes: 176.7 },
    },
    vulkan: { main: { name: scoped("linux-x64-vulkan"), megabytes: 27.5 } },
  },
  "windows-x86_64": {
    cuda: {
      main: { name: scoped("win-x64-cuda") },
      older: { name: scoped("win-x64-cuda-ext") },
    },
    vulkan: { main: { name: scoped("win-x64-vulkan") } },
  },
  "darwin-aarch64": { metal: { main: { name: scoped("mac-arm64-metal") } } },
};

/** The platform that this process runs on. */
export const PLATFORM: Platform = `${Deno.build.os}-${Deno.build.arch}`;

/** The engine's version, which its packages have too. */
export const ENGINE_VERSION = /@(\d[^@/]*)$/.exec(configuration.imports["node-llama-cpp"])?.[1] ??
  "";

/** What drives a backend on a platform; nothing where the engine isn't built for that. */
export function variantOf(
  backend: GpuBackend,
  platform: Platform = PLATFORM,
): Variant | undefined {
  return VARIANTS[platform]?.[backend];
}

/** The backends that the engine is built for on a platform, the fastest first. */
export function backendsOf(platform: Platform = PLATFORM): GpuBackend[] {
  return GPU_BACKENDS.filter((backend) => variantOf(backend, platform) !== undefined);
}

/**
 * The folder of a package of the engine, if it is here: beside the engine's own in Deno's cache, or
 * among the packages that were packed with brainjar. Nothing is downloaded or loaded.
 */
export function installedFolder({ name }: EnginePackage): URL | undefined {
  // `…/node-llama-cpp/3.21.1/dist/…` in a cache, `…/node-llama-cpp/dist/…` elsewhere. node's own
  // resolver says the same and takes 20 ms to load.
  const engine = import.meta.resolve("node-llama-cpp");
  const folder = new URL(engine.replace(/\/node-llama-cpp\/([^/]+\/)?dist\/.*$/, `/${name}/$1`));
  try {
    return Deno.statSync(new URL(MAIN_FILE, folder)).isFile ? folder : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The backends that the engine can drive with what is here, the fastest first; whether there is a
 * device for them is another question. Nothing is downloaded, no package is loaded.
 *
 * @example
 * ```ts
 * import { installedBackends } from "./backends.ts";
 * const backends = installedBackends();
 * if (new Set(backends).size !== backends.length) throw new Error("Each once");
 * ```
 */
export function installedBackends(): readonly GpuBackend[] {
  return backendsOf().filter((backend) => {
    const variant = variantOf(backend);
    return variant && installedFolder(variant.main) !== undefined;
  });
}
