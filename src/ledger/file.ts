import { BrainjarError } from "../budget/error.ts";
import type { Ledger } from "./ledger.ts";
import { checkOurs, makeLedgerFolder, unwritable } from "./folder.ts";
import { decodeLedger, encodeLedger } from "./text.ts";
import type { MachineWarning } from "../machine/warning.ts";

/** A ledger as found on disk; a corrupt or missing one is empty. */
export interface FoundLedger {
  readonly ledger: Ledger;
  readonly warnings: readonly MachineWarning[];
}

const EMPTY: Ledger = { bootId: "", reservations: [] };
const FILE_MODE = 0o600;

/** A reservation is some 200 bytes; thousands of them are no ledger of one user's jars. */
const MAXIMUM_LEDGER_BYTES = 1024 * 1024;

/** Longest pause between two tries for the lock: short beside the time for which it is taken. */
const LONGEST_PAUSE_MILLISECONDS = 8;

/** Where a ledger lies, and how its lock is asked for. */
interface LockedFolder {
  readonly folder: string;
  /**
   * Folders in which other processes of the user may write theirs. What locks there are in them is
   * taken too, so that nobody decides meanwhile who writes to another.
   */
  readonly others: readonly string[];
  readonly timeoutMilliseconds: number;
}

/**
 * Runs `change` on the ledger in `folder` while no other process can, and writes what it answers.
 * The same object means that nothing changed, and nothing is written.
 *
 * The lock is the kernel's own (flock) and goes with the process, kill -9 included. Writing is all or
 * nothing: a new file takes the old one's place. It is not flushed to disk, since no reservation outlives
 * the boot it was written in.
 *
 * Throws `ledger-busy` where the lock isn't to be had in time, `ledger-not-ours` where others could
 * have written the ledger, `ledger-unwritable` on a full disk and its like.
 */
export async function withLockedLedger<T>(
  { folder, others, timeoutMilliseconds }: LockedFolder,
  change: (found: FoundLedger) => Promise<{ readonly ledger: Ledger; readonly value: T }>,
): Promise<T> {
  makeLedgerFolder(folder);
  using _locks = await takeLocks(folder, others, timeoutMilliseconds);
  const found = findLedger(folder);
  const { ledger, value } = await change(found);
  if (ledger !== found.ledger) writeLedger(folder, ledger);
  return value;
}

/**
 * The first of these folders in which a ledger can be kept, which is made where it is missing.
 * Throws what is wrong with the first where none can, and `ledger-not-ours`.
 */
export function writableFolder(folders: readonly [string, ...string[]]): string {
  let failure: unknown;
  for (const folder of folders) {
    try {
      makeLedgerFolder(folder);
      checkOurs(lockPath(folder), "file");
      openLock(lockPath(folder)).close();
      return folder;
    } catch (error) {
      if (!(error instanceof BrainjarError) || error.code !== "ledger-unwritable") throw error;
      failure ??= error;
    }
  }
  throw failure;
}

/**
 * The ledger as it is, without lock and without making anything: a written one is always whole.
 * Nothing where it is corrupt, which needs the lock to be set aside.
 */
export function peekLedger(folder: string): Ledger | undefined {
  if (checkOurs(folder, "folder") === undefined) return EMPTY;
  // Whoever writes needs it: a run would fail where this passes.
  checkOurs(lockPath(folder), "file");
  const text = readText(ledgerPath(folder));
  return text === undefined ? EMPTY : decodeLedger(text);
}

function findLedger(folder: string): FoundLedger {
  const path = ledgerPath(folder);
  const text = readText(path);
  if (text === undefined) return { ledger: EMPTY, warnings: [] };
  const ledger = decodeLedger(text);
  if (ledger !== undefined) return { ledger, warnings: [] };
  const aside = `${path}.corrupt-${Date.now()}`;
  try {
    Deno.renameSync(path, aside);
  } catch (error) {
    throw unwritable(path, error);
  }
  return {
    ledger: EMPTY,
    warnings: [{
      code: "ledger-corrupt",
      message: `The ledger of reserved memory was corrupt and has been set aside as '${aside}'; ` +
        "what other processes reserved before is not known",
    }],
  };
}

/** Nothing where there is no file; a file too large is no ledger, which an empty text isn't either. */
function readText(path: string): string | undefined {
  const info = checkOurs(path, "file");
  if (info === undefined) return undefined;
  if (info.size > MAXIMUM_LEDGER_BYTES) return "";
  try {
    return Deno.readTextFileSync(path);
  } catch (error) {
    // Set aside or replaced by another process in between.
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw unwritable(path, error);
  }
}

function writeLedger(folder: string, ledger: Ledger): void {
  const path = ledgerPath(folder);
  // One name is enough under the lock. What a killed process left there goes first; a link that
  // somebody put there is removed and never written through.
  const next = `${path}.new`;
  try {
    removeIfThere(next);
    Deno.writeTextFileSync(next, encodeLedger(ledger), { mode: FILE_MODE, createNew: true });
    Deno.renameSync(next, path);
  } catch (error) {
    try {
      Deno.removeSync(next);
    } catch {
      // It was never made, or the folder is read-only: the error that counts is the first.
    }
    throw unwritable(path, error);
  }
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** All locks or none, so that nobody waits for a lock while others wait for one of its own. */
async function takeLocks(
  folder: string,
  others: readonly string[],
  timeoutMilliseconds: number,
): Promise<Disposable> {
  const started = performance.now();
  while (true) {
    using taken = new DisposableStack();
    const busy = [folder, ...others].find((one) => !tryLock(one, one === folder, taken));
    if (busy === undefined) return taken.move();
    if (performance.now() - started > timeoutMilliseconds) {
      throw new BrainjarError(
        "ledger-busy",
        `The ledger of reserved memory is locked by another process for more than ${timeoutMilliseconds} ms: '${
          lockPath(busy)
        }'`,
        {
          kind: "engine",
          hint: "Look for a brainjar process that is stopped, and continue or end it",
        },
      );
    }
    // Uneven pauses, so that processes started together don't keep meeting.
    const pause = 1 + Math.random() * (LONGEST_PAUSE_MILLISECONDS - 1);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** Whether the lock was taken. One of another folder counts as taken where there is none. */
function tryLock(folder: string, isOurs: boolean, taken: DisposableStack): boolean {
  const path = lockPath(folder);
  const file = isOurs ? openOurLock(path) : openOtherLock(folder);
  if (file === undefined) return true;
  taken.use(file);
  try {
    return file.tryLockSync(true) && isStill(file, path);
  } catch (error) {
    throw unwritable(path, error);
  }
}

function openOurLock(path: string): Deno.FsFile {
  checkOurs(path, "file");
  return openLock(path);
}

/** Nothing where nobody has written there, or it can't be trusted: then nothing in it counts. */
function openOtherLock(folder: string): Deno.FsFile | undefined {
  const path = lockPath(folder);
  try {
    const isThere = checkOurs(folder, "folder") && checkOurs(path, "file");
    return isThere && Deno.openSync(path);
  } catch {
    return undefined;
  }
}

function openLock(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { create: true, read: true, write: true, mode: FILE_MODE });
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** Whether the path still leads to the locked file: a cleaner of /tmp may have removed it. */
function isStill(file: Deno.FsFile, path: string): boolean {
  try {
    return file.statSync().ino === Deno.lstatSync(path).ino;
  } catch {
    return false;
  }
}

function lockPath(folder: string): string {
  return `${folder}/ledger.lock`;
}

function ledgerPath(folder: string): string {
  return `${folder}/ledger.json`;
}
