import { type Platform, variantOf } from "../../engine/gpu/backends.ts";
import { GPU_BACKENDS, type GpuBackend } from "../../llama_cpp/options.ts";
import { BuildError } from "./build_error.ts";
import { runDeno } from "./run_deno.ts";
import type { Target } from "./target.ts";

const ENGINE = "node-llama-cpp";

/** Read by compilers, debuggers and people only. Licenses stay. */
const UNUSED_FILES = /\.([cm]?ts|map|md|flow|markdown)$/i;

/** What node-llama-cpp would build llama.cpp with, its whole source among it. */
const UNUSED_PATHS: readonly string[] = [
  "bins",
  "templates",
  ...["addon", "cmake", "grammars", "patches", "profiles", "toolchains", "xpack"].map((folder) =>
    `llama/${folder}`
  ),
  "llama/gitRelease.bundle",
  "llama/CMakeLists.txt",
];

interface LockedPackage {
  readonly dependencies?: readonly string[];
  readonly optionalDependencies?: readonly string[];
  readonly cpu?: readonly string[];
}

interface Lock {
  readonly version: string;
  readonly specifiers: Readonly<Record<string, string>>;
  readonly npm: Readonly<Record<string, LockedPackage>>;
}

/** A platform, and what the engine drives there beside the processor. */
export interface EngineTarget extends Pick<Target, "os" | "processor"> {
  readonly engine: EngineChoice;
}

/** What the engine is packed for, as `--engine` says it. */
export type EngineChoice = "cpu" | GpuBackend;

/** Reads `--engine`; `cpu` where nothing is given. */
export function readEngine(text = "cpu"): EngineChoice {
  const choice = ["cpu" as const, ...GPU_BACKENDS].find((one) => one === text);
  if (choice === undefined) {
    throw new BuildError(`Unknown engine '${text}': cpu, ${GPU_BACKENDS.join(", ")}`);
  }
  return choice;
}

/** Deno's names of systems and processors, by npm's. */
const PLATFORMS: Readonly<Record<Target["os"], Readonly<Record<Target["processor"], Platform>>>> = {
  linux: { x64: "linux-x86_64", arm64: "linux-aarch64" },
  darwin: { x64: "darwin-x86_64", arm64: "darwin-aarch64" },
  win32: { x64: "windows-x86_64", arm64: "windows-aarch64" },
};

/** The packages that are fetched on demand elsewhere, and go along here. */
function packagesFor({ os, processor, engine }: EngineTarget): readonly string[] {
  if (engine === "cpu") return [];
  const platform = PLATFORMS[os][processor];
  const variant = variantOf(engine, platform);
  if (variant === undefined) {
    throw new BuildError(`The engine has no build for ${engine} on ${platform.replace("-", " ")}`);
  }
  return [variant.main, variant.older].flatMap((one) => one?.name ?? []);
}

/**
 * Installs the engine and its packages as deno.lock pins them into `folder/node_modules`, for one
 * system and processor alone, less what only builds or documents them.
 *
 * @throws {BuildError}
 */
export async function installEngine(
  root: string,
  folder: string,
  target: EngineTarget,
): Promise<void> {
  const { os, processor } = target;
  const wanted = packagesFor(target);
  const configuration = JSON.parse(await Deno.readTextFile(`${root}/deno.json`));
  const specifier: string = configuration.imports[ENGINE];
  const lock: Lock = JSON.parse(await Deno.readTextFile(`${root}/deno.lock`));
  await write(`${folder}/deno.lock`, lockOf(lock, specifier, { processor, wanted }));
  await write(`${folder}/deno.json`, {
    imports: { [ENGINE]: specifier },
    nodeModulesDir: "auto",
    lock: { path: "./deno.lock", frozen: true },
  });
  await runDeno(
    ["install", "--quiet", `--os=${os}`, `--arch=${processor}`],
    folder,
    `${ENGINE} can't be installed from the npm registry`,
  );
  await Deno.remove(`${folder}/deno.lock`);
  const packages = `${folder}/node_modules`;
  await prune(packages);
  for (const path of UNUSED_PATHS) {
    await Deno.remove(`${packages}/${ENGINE}/${path}`, { recursive: true });
  }
  for (const path of [".bin", ".deno/.setup-cache.bin", ".deno/.deno.lock"]) {
    await Deno.remove(`${packages}/${path}`, { recursive: true }).catch(() => {});
  }
}

/**
 * The part of a lock that a package and what it depends on need, with what is wanted of the packages
 * that are locked for nobody's processor.
 */
function lockOf(
  lock: Lock,
  specifier: string,
  { processor, wanted }: {
    readonly processor: Target["processor"];
    readonly wanted: readonly string[];
  },
): unknown {
  const isWanted = (key: string) => wanted.some((name) => key.startsWith(`${name}@`));
  const keys = new Map<string, string>();
  for (const key of Object.keys(lock.npm)) keys.set(key.slice(0, key.lastIndexOf("@")), key);
  // A dependency is named without its version where the lock has one version of it.
  const keyOf = (dependency: string) =>
    dependency in lock.npm ? dependency : keys.get(dependency) ?? dependency;
  const reached = new Set([`${ENGINE}@${lock.specifiers[specifier]}`]);
  for (const key of reached) {
    const { dependencies = [], optionalDependencies = [] } = lock.npm[key] ?? {};
    for (const dependency of [...dependencies, ...optionalDependencies]) {
      reached.add(keyOf(dependency));
    }
  }
  return {
    version: lock.version,
    specifiers: { [specifier]: lock.specifiers[specifier] },
    npm: Object.fromEntries(
      Object.entries(lock.npm)
        .filter(([key]) => reached.has(key))
        .map(([key, locked]) => [key, isWanted(key) ? { ...locked, cpu: [processor] } : locked]),
    ),
    workspace: { dependencies: [specifier] },
  };
}

async function prune(folder: string): Promise<void> {
  for await (const entry of Deno.readDir(folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) await prune(path);
    else if (entry.isFile && UNUSED_FILES.test(entry.name)) await Deno.remove(path);
  }
}

async function write(path: string, value: unknown): Promise<void> {
  await Deno.writeTextFile(path, JSON.stringify(value, null, 2));
}
