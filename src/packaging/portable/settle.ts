/**
 * The end of an unpacking, run by the runtime that was unpacked, which shows that it runs: seals
 * the tree, has later starts find it, and cleans up what older versions left.
 *
 * Run as a check is, it has Deno keep the compiled code of the program, which it loads for that.
 *
 * Arguments: the cache folder, the id of this portable file, the tree's name, the checksum.
 */
import { DatabaseSync } from "node:sqlite";
import "../../cli/brainjar.ts";
import { cleanUp } from "./clean_up.ts";

const [cache, id, name, checksum] = Deno.args;
if (cache === undefined || id === undefined || name === undefined || checksum === undefined) {
  throw new Error("settle.ts is run by the portable file's own head");
}
const tree = `${cache}/${name}`;
// The runtime would make these with the user's mask, by which others might write there.
for (const folder of ["deno", "deno/quick"]) {
  for (const name of ["npm", "node_compat_bin"]) {
    Deno.mkdirSync(`${tree}/${folder}/${name}`, { recursive: true });
  }
}
restoreTimes(`${tree}/program`, Deno.statSync(`${tree}/program/LICENSE`).mtime ?? new Date(0));
Deno.writeTextFileSync(`${tree}/in-use`, "\n");
Deno.writeTextFileSync(`${tree}/seal`, `${checksum}\n`);
// Renamed into place, so that a start meanwhile reads either the old name or the new one.
Deno.writeTextFileSync(`${tree}/name`, `${name}\n`);
Deno.renameSync(`${tree}/name`, `${cache}/${id}`);
try {
  Deno.removeSync(`${tree}/unpacking`);
  cleanUp(cache, name);
  // The compiled code is kept once the event loop turns.
  await new Promise((resolve) => setTimeout(resolve, 0));
  writeOut(`${tree}/deno/quick`);
} catch {
  // What can't be cleaned up now, the next version cleans up; a start then is a little slower.
}

/**
 * Gives folders the time that they were packed with, by which later starts see that nothing was
 * changed: busybox's tar gives it to files alone. The engine's packages have starts of their own.
 */
function restoreTimes(folder: string, time: Date): void {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory && name !== "node_modules") restoreTimes(`${folder}/${name}`, time);
    else if (isDirectory) Deno.utimeSync(`${folder}/${name}`, time, time);
  }
  Deno.utimeSync(folder, time, time);
}

/**
 * Writes Deno's caches out: what is only in their logs (WAL) is read and summed up at every start,
 * since the program ends without closing them.
 */
function writeOut(folder: string): void {
  for (const { name } of [...Deno.readDirSync(folder)]) {
    if (!name.endsWith("_v2")) continue;
    using cache = new DatabaseSync(`${folder}/${name}`);
    cache.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }
}
