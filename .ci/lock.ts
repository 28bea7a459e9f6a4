/**
 * Writes deno.lock anew so that a run fetches one of the engine's builds, the one for its processor,
 * instead of 677 MB: Deno installs all that the frozen lock lists for this system. Builds that
 * brainjar never runs (32-bit ARM, RISC-V) are taken out; those for GPUs stay with their checksums,
 * but for a processor that nobody has, and are fetched when they are asked for (src/engine/gpu).
 *
 * Run as `deno run -A --no-lock .ci/lock.ts` after a change of deno.json's imports: any task would
 * refuse to start on a lock that is out of date.
 */

/** The CPU (and Metal) builds that brainjar runs on, and the only processor each is for. */
const KEPT_VARIANTS: Readonly<Record<string, readonly string[]>> = {
  "linux-x64": ["x64"],
  "linux-arm64": ["arm64"],
  "mac-arm64-metal": ["arm64"],
  "mac-x64": ["x64"],
  "win-x64": ["x64"],
  "win-arm64": ["arm64"],
};

/** What is fetched by itself when it is asked for. */
const ON_DEMAND: readonly string[] = [
  "linux-x64-cuda",
  "linux-x64-cuda-ext",
  "linux-x64-vulkan",
  "win-x64-cuda",
  "win-x64-cuda-ext",
  "win-x64-vulkan",
];

/** A processor that nobody has: Deno leaves a package for it alone. */
const NOBODYS = ["on-demand"];

/** The processors that one of the engine's builds is fetched for; nothing where it never is. */
function processorsOf(variant: string): readonly string[] | undefined {
  return ON_DEMAND.includes(variant) ? NOBODYS : KEPT_VARIANTS[variant];
}

interface LockedPackage {
  cpu?: string[];
  scripts?: boolean;
  optionalDependencies?: string[];
}

const root = new URL("..", import.meta.url);
const lockFile = new URL("deno.lock", root);

await Deno.remove(lockFile).catch(() => {});
const resolved = await new Deno.Command(Deno.execPath(), {
  args: ["install", "--quiet", "--frozen=false", "--lockfile-only"],
  cwd: root,
}).output();
if (!resolved.success) {
  console.error(new TextDecoder().decode(resolved.stderr));
  Deno.exit(1);
}

const lock: { npm: Record<string, LockedPackage> } = JSON.parse(await Deno.readTextFile(lockFile));
const variant = /^@node-llama-cpp\/([^@]+)/;
for (const [name, locked] of Object.entries(lock.npm)) {
  const found = variant.exec(name)?.[1];
  if (found !== undefined) {
    const processors = processorsOf(found);
    if (processors === undefined) delete lock.npm[name];
    else locked.cpu = [...processors];
  }
  // Its post-install would build llama.cpp from source; the variants above are prebuilt.
  if (name.startsWith("node-llama-cpp@")) delete locked.scripts;
  if (locked.optionalDependencies) {
    locked.optionalDependencies = locked.optionalDependencies.filter((dependency) => {
      const found = variant.exec(dependency)?.[1];
      return found === undefined || processorsOf(found) !== undefined;
    });
  }
}
await Deno.writeTextFile(lockFile, JSON.stringify(lock, null, 2) + "\n");
