/** Names of what caches have that a hint lists at most. */
export const MOST_LISTED = 8;

/** What a folder has, by name; empty where it isn't there or may not be read. */
export function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  } catch {
    return [];
  }
}

/** Files below a folder whose names end as given, as paths from it; links to files count. */
export function filesBelow(folder: string, ending = "", depth = 4): string[] {
  return namesIn(folder).flatMap((name) => {
    const path = `${folder}/${name}`;
    if (kindOf(path) === "file") return name.toLowerCase().endsWith(ending) ? [name] : [];
    if (depth === 0) return [];
    return filesBelow(path, ending, depth - 1).map((below) => `${name}/${below}`);
  });
}

/** What a path leads to; nothing where that isn't there. */
export function kindOf(path: string): "file" | "folder" | undefined {
  try {
    const { isFile, isDirectory } = Deno.statSync(path);
    return isFile ? "file" : isDirectory ? "folder" : undefined;
  } catch {
    return undefined;
  }
}

/** Manifests and references are some hundred bytes, or a few thousand. */
const MOST_NOTE_BYTES = 1024 * 1024;

/** The text of a small file that a cache keeps; throws for anything else: a pipe would be waited for. */
export function readNote(path: string): string {
  const { isFile, size } = Deno.statSync(path);
  if (!isFile || size > MOST_NOTE_BYTES) throw new Error(`No small file: ${path}`);
  return Deno.readTextFileSync(path);
}

/** The names in a folder that are the given one, the same letters before others: caches keep case. */
export function namedAlike(folder: string, name: string): string[] {
  const alike = namesIn(folder).filter((other) => other.toLowerCase() === name.toLowerCase());
  return alike.includes(name) ? [name] : alike;
}

/** Folders as a sentence names them, with those that may not be read marked. */
export function listFolders(folders: readonly string[]): string {
  return folders.map((folder) => folder + (isForbidden(folder) ? " (no permission)" : ""))
    .join(", ");
}

function isForbidden(folder: string): boolean {
  try {
    Deno.readDirSync(folder)[Symbol.iterator]().next();
    return false;
  } catch (error) {
    return error instanceof Deno.errors.PermissionDenied || error instanceof Deno.errors.NotCapable;
  }
}
