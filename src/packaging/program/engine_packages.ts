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
}

interface Lock {
  readonly version: string;
  readonly specifiers: Readonly<Record<string, string>>;
  readonly npm: Readonly<Record<string, LockedPackage>>;
}

/**
 * Installs the engine and its packages as deno.lock pins them into `folder/node_modules`, for one
 * system and processor alone, less what only builds or documents them.
 */
export async function installEngine(
  root: string,
  folder: string,
  { os, processor }: Pick<Target, "os" | "processor">,
): Promise<void> {
  const configuration = JSON.parse(await Deno.readTextFile(`${root}/deno.json`));
  const specifier: string = configuration.imports[ENGINE];
  const lock: Lock = JSON.parse(await Deno.readTextFile(`${root}/deno.lock`));
  await write(`${folder}/deno.lock`, lockOf(lock, specifier));
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

/** The part of a lock that a package and what it depends on need. */
function lockOf(lock: Lock, specifier: string): unknown {
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
    npm: Object.fromEntries(Object.entries(lock.npm).filter(([key]) => reached.has(key))),
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
