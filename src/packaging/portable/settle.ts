/**
 * The end of an unpacking, run by the runtime that was unpacked, which shows that it runs: seals
 * the tree, has later starts find it, and cleans up what older versions left.
 *
 * Arguments: the cache folder, the id of this portable file, the tree's name, the checksum.
 */
import { cleanUp } from "./clean_up.ts";

const [cache, id, name, checksum] = Deno.args;
if (cache === undefined || id === undefined || name === undefined || checksum === undefined) {
  throw new Error("settle.ts is run by the portable file's own head");
}
const tree = `${cache}/${name}`;
Deno.mkdirSync(`${tree}/deno`, { recursive: true });
Deno.writeTextFileSync(`${tree}/in-use`, "\n");
Deno.writeTextFileSync(`${tree}/seal`, `${checksum}\n`);
// Renamed into place, so that a start meanwhile reads either the old name or the new one.
Deno.writeTextFileSync(`${tree}/name`, `${name}\n`);
Deno.renameSync(`${tree}/name`, `${cache}/${id}`);
try {
  Deno.removeSync(`${tree}/unpacking`);
  cleanUp(cache, name);
} catch {
  // What can't be cleaned up now, the next version cleans up.
}
