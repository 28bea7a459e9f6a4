/** `0.1.0-0123456789abcdef` is a file with the name of a tree, `0.1.0-0123456789abcdef.4711` one. */
const NAME = /^\d+\.\d+\.\d+[^/]*-[0-9a-f]{16}$/;
const TREE = /^\d+\.\d+\.\d+[^/]*-[0-9a-f]{16}\.\d+$/;

/** Between a start's look at its tree and its lock: far more than it takes. */
const STARTING_MS = 10_000;

/** What an unpacking is given whose process can't be seen from here. */
const UNPACKING_MS = 600_000;

/**
 * Removes every tree of the cache but `kept`: older versions, trees that were replaced, and what
 * killed unpackings left. A tree that a process runs from, or is unpacking, stays. So does what
 * belongs to others, who could have written there once: it is neither opened nor followed.
 */
export function cleanUp(cache: string, kept: string, now = Date.now()): void {
  const owner = Deno.lstatSync(`${cache}/${kept}`).uid;
  const own = [...Deno.readDirSync(cache)].filter(({ name }) =>
    Deno.lstatSync(`${cache}/${name}`).uid === owner
  );
  for (const { name, isDirectory } of own) {
    if (!isDirectory || !TREE.test(name) || name === kept) continue;
    const tree = `${cache}/${name}`;
    if (!exists(`${tree}/seal`)) {
      if (!isBeingUnpacked(tree, now)) Deno.removeSync(tree, { recursive: true });
    } else if (!isUsed(tree, now)) {
      // Without its seal no start takes it for whole any more.
      Deno.removeSync(`${tree}/seal`);
      Deno.removeSync(tree, { recursive: true });
    }
  }
  for (const { name, isFile } of own) {
    if (!isFile || !NAME.test(name)) continue;
    const tree = Deno.readTextFileSync(`${cache}/${name}`).trim();
    if (tree.includes("/") || !exists(`${cache}/${tree}`)) Deno.removeSync(`${cache}/${name}`);
  }
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

function age(path: string, now: number): number {
  return now - (Deno.lstatSync(path).mtime?.getTime() ?? 0);
}

/** Whether a process runs from the tree (see hold_tree.ts) or is about to. */
function isUsed(tree: string, now: number): boolean {
  const path = `${tree}/in-use`;
  try {
    if (age(path, now) < STARTING_MS) return true;
    // A pipe would be waited for.
    if (!Deno.lstatSync(path).isFile) return false;
    using file = Deno.openSync(path, { write: true });
    return !file.tryLockSync(true);
  } catch (error) {
    // Where it can't be told, it stays.
    return !(error instanceof Deno.errors.NotFound);
  }
}

/** Whether the process that the head noted still unpacks the tree. */
function isBeingUnpacked(tree: string, now: number): boolean {
  const [pid, ...place] = readWords(`${tree}/unpacking`);
  const here = [
    ...readWords("/proc/sys/kernel/random/boot_id"),
    Deno.readLinkSync("/proc/self/ns/pid"),
  ];
  // Process ids mean something in one boot and one namespace only.
  if (pid !== undefined && place.join(" ") === here.join(" ")) return exists(`/proc/${pid}`);
  return age(tree, now) < UNPACKING_MS;
}

function readWords(path: string): string[] {
  try {
    if (!Deno.lstatSync(path).isFile) return [];
    return Deno.readTextFileSync(path).trim().split(" ");
  } catch {
    return [];
  }
}
