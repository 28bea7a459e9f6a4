import { BrainjarError, messageOf } from "../../budget/error.ts";
import type { GpuBackend } from "../../llama_cpp/options.ts";
import { ENGINE_VERSION, type EnginePackage, installedFolder, variantOf } from "./backends.ts";

/** What deno.lock says of a package. */
interface LockedPackage {
  readonly integrity: string;
  readonly os?: readonly string[];
}

/** What is fetched, for whom, and where from. */
export interface FetchOptions {
  readonly backend: GpuBackend;
  /** The deno.lock of brainjar's sources, which has the checksums. */
  readonly lock: URL;
  /** Told what is fetched, and how large it is, before it is. */
  readonly say: (line: string) => void;
}

/**
 * Fetches one package of the engine into Deno's own cache, where the engine finds it: checked
 * against deno.lock, which lists it for a processor that nobody has, so that Deno leaves it alone
 * until it is asked for (.ci/lock.ts).
 *
 * Deno shows its progress where a person watches.
 *
 * @throws {BrainjarError} `engine-variant-absent`
 */
export async function fetchPackage(
  { name, megabytes }: EnginePackage,
  { backend, lock, say }: FetchOptions,
): Promise<void> {
  const locked = await lockedPackage(lock, name);
  if (locked === undefined) throw notCarried(backend, name);
  const size = megabytes === undefined ? "" : `, ${megabytes} MB`;
  say(`Fetching the engine's build for ${backend}${size}: ${name} ${ENGINE_VERSION}`);
  const folder = await Deno.makeTempDir({ prefix: "brainjar-engine-" });
  try {
    await writeProject(folder, name, locked);
    await install(folder, backend, name);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  if (installedFolder({ name }) === undefined) {
    throw absent(backend, name, "It was fetched, and the engine doesn't find it in Deno's cache");
  }
}

/**
 * Throws where the engine's build for a backend couldn't be fetched, as beside one file that was
 * built without it. Nothing is downloaded.
 *
 * @throws {BrainjarError} `engine-variant-absent`
 */
export async function checkComes(
  { backend, lock }: Pick<FetchOptions, "backend" | "lock">,
): Promise<void> {
  const name = variantOf(backend)?.main.name;
  if (name === undefined) return;
  if (await lockedPackage(lock, name) === undefined) throw notCarried(backend, name);
}

function notCarried(backend: GpuBackend, name: string): BrainjarError {
  const hint = "Build one that has it, from the sources: " +
    `deno task build:portable --engine ${backend}`;
  return absent(backend, name, hint);
}

async function lockedPackage(lock: URL, name: string): Promise<LockedPackage | undefined> {
  if (lock.protocol !== "file:") return undefined;
  try {
    const { npm }: { readonly npm: Readonly<Record<string, LockedPackage>> } = JSON.parse(
      await Deno.readTextFile(lock),
    );
    return npm[`${name}@${ENGINE_VERSION}`];
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** A project that has this package alone, for any processor. */
async function writeProject(folder: string, name: string, locked: LockedPackage): Promise<void> {
  const specifier = `npm:${name}@${ENGINE_VERSION}`;
  const { integrity, os } = locked;
  await Deno.writeTextFile(
    `${folder}/deno.json`,
    JSON.stringify({
      workspace: [],
      imports: { engine: specifier },
      nodeModulesDir: "none",
      lock: { path: "./deno.lock", frozen: true },
    }),
  );
  await Deno.writeTextFile(
    `${folder}/deno.lock`,
    JSON.stringify({
      version: "5",
      specifiers: { [specifier]: ENGINE_VERSION },
      npm: { [`${name}@${ENGINE_VERSION}`]: { integrity, os } },
      workspace: { dependencies: [specifier] },
    }),
  );
}

async function install(folder: string, backend: GpuBackend, name: string): Promise<void> {
  const isWatched = Deno.stderr.isTerminal();
  let said: string;
  try {
    const finished = await new Deno.Command(Deno.execPath(), {
      args: ["cache", ...(isWatched ? [] : ["--quiet"]), `npm:${name}@${ENGINE_VERSION}`],
      cwd: folder,
      stdin: "null",
      stdout: "null",
      stderr: isWatched ? "inherit" : "piped",
    }).output();
    if (finished.success) return;
    said = isWatched ? "see above" : reason(new TextDecoder().decode(finished.stderr));
  } catch (error) {
    said = messageOf(error);
  }
  throw absent(
    backend,
    name,
    `It comes from the npm registry, once: connect to it, or use --gpu off: ${said}`,
  );
}

/** Why, in Deno's words: the first cause that it tells, else its error. */
function reason(text: string): string {
  // deno-lint-ignore no-control-regex
  const plain = text.replace(/\x1b\[[\d;]*m/g, "");
  const told = /^ +0: (?!<)(.+)$/m.exec(plain) ?? /^error: (.+?)\.?$/m.exec(plain);
  return told?.[1] ?? "no reason was told";
}

function absent(backend: GpuBackend, name: string, hint: string): BrainjarError {
  return new BrainjarError(
    "engine-variant-absent",
    `The engine's build for --gpu ${backend} isn't here: ${name} ${ENGINE_VERSION}`,
    { hint, kind: "engine" },
  );
}
