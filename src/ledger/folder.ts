import { BrainjarError, messageOf } from "../budget/error.ts";

const FOLDER_MODE = 0o700;
/** Write permission of the group and of everyone. */
const OTHERS_MAY_WRITE = 0o022;

/**
 * The folder of this user's ledger; it need not exist yet.
 *
 * On Linux `$XDG_RUNTIME_DIR`, else `/run/user/UID` (which is the same for one who logged in, so a
 * job without the variable meets the ledger of a session with it), else `/tmp/brainjar-UID`. Not
 * `$TMPDIR`: two processes with different ones would not see each other. Elsewhere the folder that
 * the system keeps for the user.
 *
 * A runtime folder that belongs to someone else, as `sudo` leaves it, is passed over.
 */
export function ledgerFolder(): string {
  if (Deno.build.os === "windows") {
    return `${Deno.env.get("LOCALAPPDATA") ?? Deno.env.get("TEMP") ?? "C:"}\\brainjar`;
  }
  const user = Deno.uid();
  const candidates = Deno.build.os === "darwin"
    ? [Deno.env.get("TMPDIR")]
    : [Deno.env.get("XDG_RUNTIME_DIR"), `/run/user/${user}`];
  for (const folder of candidates) {
    if (folder?.startsWith("/") && isOurs(folder)) return `${folder.replace(/\/+$/, "")}/brainjar`;
  }
  return `/tmp/brainjar-${user}`;
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
  if (info?.mode != null && (info.mode & 0o077) !== 0) Deno.chmodSync(folder, FOLDER_MODE);
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

function notOurs(path: string, reason: string): BrainjarError {
  return new BrainjarError(
    "ledger-not-ours",
    `The ledger of reserved memory at '${path}' can't be trusted: ${reason}`,
    {
      kind: "engine",
      hint: "Remove it, or set XDG_RUNTIME_DIR to a folder that only you can write",
    },
  );
}
