import { fault } from "../fault.ts";
import { isThere } from "../sources/file.ts";

/** What programs add to the name of a file while they download it. */
const ENDING =
  /(\.(incomplete|crdownload|opdownload|download|downloadInProgress|part|partial|filepart|aria2|!qB|!ut|bc!)|-partial(-\d+)?)$/i;

/**
 * The error for a file that is still being downloaded, by its name or by the control file that aria2
 * keeps beside it: room for all of it may be set aside at once, so its size says nothing.
 */
export function unfinishedDownload(path: string) {
  const [ending] = ENDING.exec(path) ?? [];
  if (ending?.toLowerCase() === ".aria2") {
    return unfinished(path, "aria2's note about a download", aria2Hint(path));
  }
  if (ending !== undefined) {
    const hint = `Let the download end, or start it again; if it has ended, take "${ending}" off ` +
      "the file's name";
    return unfinished(path, "a download that hasn't ended", hint);
  }
  if (!isThere(`${path}.aria2`)) return undefined;
  return unfinished(path, "a download that hasn't ended", aria2Hint(`${path}.aria2`));
}

function aria2Hint(path: string): string {
  return `Let aria2 end, or start it again where it stopped: ${path} goes away once the file is whole`;
}

function unfinished(path: string, what: string, hint: string) {
  return fault("gguf-unfinished", `Not a whole model: ${path} is ${what}`, hint);
}
