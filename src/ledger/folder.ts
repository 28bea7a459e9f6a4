import { BrainjarError, messageOf } from "../budget/error.ts";

const FOLDER_MODE = 0o700;
/** Write permission of the group and of everyone. */
const OTHERS_MAY_WRITE = 0o022;

/** Only a file's owner may remove it or give it another name (sticky bit). */
const STICKY = 0o1000;

/**
 * Folders where ledgers of this user may lie, best first; none need exist yet. The first that can be
 * written is this process's, and all of them are read: what others of the user can write may differ
 * (a read-only /run, a /tmp of their own), and an older brainjar wrote to another.
 *
 * On Linux `/run/user/UID`, `/run/brainjar` for root, `/dev/shm/brainjar-UID` and
 * `/tmp/brainjar-UID`: services have a /tmp of their own more often than a /dev/shm, and no session.
 * An `$XDG_RUNTIME_DIR` elsewhere comes last, since whoever has another one doesn't know of it. Not
 * `$TMPDIR`: two processes with different ones would not see each other. Nor the home: services are
 * often hidden from it, and machines may share it. Elsewhere the folder that the system keeps for the
 * user.
 *
 * `$BRAINJAR_LEDGER` names one that stands alone, for who wants to be seen by nobody else.
 *
 * A runtime folder that belongs to someone else, as `sudo` leaves it, is passed over, and so is a
 * folder in which others could give ours another name.
 */
export function ledgerFolders(): readonly [string, ...string[]] {
  const named = Deno.env.get("BRAINJAR_LEDGER") ?? "";
  if (named !== "") return [/^([A-Za-z]:)?[/\\]/.test(named) ? named : `${Deno.cwd()}/${named}`];
  if (Deno.build.os === "windows") {
    return [`${Deno.env.get("LOCALAPPDATA") ?? Deno.env.get("TEMP") ?? "C:"}\\brainjar`];
  }
  const user = Deno.uid();
  const session = Deno.build.os === "darwin" ? undefined : `/run/user/${user}`;
  const chosen = Deno.env.get(session === undefined ? "TMPDIR" : "XDG_RUNTIME_DIR");
  const runtime = chosen?.startsWith("/") && isOurs(chosen) ? [chosen.replace(/\/+$/, "")] : [];
  const last = `/tmp/brainjar-${user}`;
  if (session === undefined) return [runtime[0] === undefined ? last : `${runtime[0]}/brainjar`];
  const candidates = [
    ...(isOurs(session) ? [`${session}/brainjar`] : []),
    ...(user === 0 && isOurs("/run") ? ["/run/brainjar"] : []),
    ...["/dev/shm", "/tmp"].filter(keepsOurs).map((folder) => `${folder}/brainjar-${user}`),
    ...runtime.map((folder) => `${folder}/brainjar`),
  ];
  const [first = last, ...others] = new Set(candidates);
  return [first, ...others];
}

/**
 * Whether any of them is there, or can't be looked at: where none is, nobody has reserved anything,
 * and a check reads none of the ledger's code.
 */
export function mayHaveLedger(folders: readonly string[] = ledgerFolders()): boolean {
  return folders.some((folder) => {
    try {
      Deno.lstatSync(folder);
      return true;
    } catch (error) {
      return !(error instanceof Deno.errors.NotFound);
    }
  });
}

/**
 * Makes the folder where it is missing, for this user alone, and refuses one that others could
 * change. Throws `ledger-not-ours` and `ledger-unwritable`.
 */
export function makeLedgerFolder(folder: string): void {
  try {
    Deno.mkdirSync(folder, { mode: FOLDER_MODE });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw unwritable(folder, error);
  }
  const info = checkOurs(folder, "folder");
  if (info?.mode == null || (info.mode & 0o077) === 0) return;
  try {
    Deno.chmodSync(folder, FOLDER_MODE);
  } catch (error) {
    throw unwritable(folder, error);
  }
}

/**
 * Refuses a folder or file that isn't this user's alone to write, links included: whoever can write
 * it can take reservations out of it. Answers nothing where there is none.
 */
export function checkOurs(path: string, kind: "folder" | "file"): Deno.FileInfo | undefined {
  let info: Deno.FileInfo;
  try {
    info = Deno.lstatSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw unwritable(path, error);
  }
  if (kind === "folder" ? !info.isDirectory : !info.isFile) {
    throw notOurs(path, `it is no ${kind}`);
  }
  const user = Deno.uid();
  if (user !== null && info.uid !== null && info.uid !== user) {
    throw notOurs(path, `it belongs to user ${info.uid}, not to ${user}`);
  }
  if (user !== null && info.mode !== null && (info.mode & OTHERS_MAY_WRITE) !== 0) {
    throw notOurs(path, "others may write it");
  }
  return info;
}

/** Whether there is something under this name, whatever it is. */
export function isThere(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

/** The error of a ledger that can't be kept. */
export function unwritable(path: string, cause: unknown): BrainjarError {
  return new BrainjarError(
    "ledger-unwritable",
    `The ledger of reserved memory can't be kept at '${path}': ${messageOf(cause)}`,
    {
      kind: "engine",
      hint: "Make room and check the folder's permissions; nothing was reserved",
      cause,
    },
  );
}

function isOurs(folder: string): boolean {
  try {
    const info = Deno.statSync(folder);
    return info.isDirectory && info.uid === Deno.uid() &&
      ((info.mode ?? 0) & OTHERS_MAY_WRITE) === 0;
  } catch {
    return false;
  }
}

/** Whether a folder of everyone's leaves what is ours alone. */
function keepsOurs(folder: string): boolean {
  try {
    const info = Deno.statSync(folder);
    const mode = info.mode ?? OTHERS_MAY_WRITE;
    const isTrusted = info.uid === 0 || info.uid === Deno.uid();
    return info.isDirectory && isTrusted &&
      ((mode & OTHERS_MAY_WRITE) === 0 || (mode & STICKY) !== 0);
  } catch {
    return false;
  }
}

function notOurs(path: string, reason: string): BrainjarError {
  return new BrainjarError(
    "ledger-not-ours",
    `The ledger of reserved memory at '${path}' can't be trusted: ${reason}`,
    {
      kind: "engine",
      hint: "Set BRAINJAR_LEDGER to a folder that only you can write",
    },
  );
}
