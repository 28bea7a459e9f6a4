/**
 * Writes deno.lock anew and takes the engine's variants out that brainjar never runs (CUDA,
 * Vulkan, 32-bit ARM, RISC-V): Deno installs what the frozen lock lists, so `run` fetches one CPU
 * variant instead of 677 MB.
 *
 * Run as `deno task lock` after a change of deno.json's imports.
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
    const processors = KEPT_VARIANTS[found];
    if (processors === undefined) delete lock.npm[name];
    else locked.cpu = [...processors];
  }
  // Its post-install would build llama.cpp from source; the variants above are prebuilt.
  if (name.startsWith("node-llama-cpp@")) delete locked.scripts;
  if (locked.optionalDependencies) {
    locked.optionalDependencies = locked.optionalDependencies.filter((dependency) => {
      const found = variant.exec(dependency)?.[1];
      return found === undefined || found in KEPT_VARIANTS;
    });
  }
}
await Deno.writeTextFile(lockFile, JSON.stringify(lock, null, 2) + "\n");
