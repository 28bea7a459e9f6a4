/** Whether a location is on a server rather than in a file system. */
export function isUrl(location: string): boolean {
  return /^https?:\/\//i.test(location);
}

/** A location's path; a URL's has no query, which would hide the file's name. */
export function pathOf(location: string): string {
  return isUrl(location) ? new URL(location).pathname : location;
}

/** A location with another path, on the same server. */
export function withPath(location: string, path: string): string {
  if (!isUrl(location)) return path;
  const url = new URL(location);
  url.pathname = path;
  return url.href;
}

/**
 * A URL as reports and errors show it: without what may be a secret, since they end up in the logs
 * of CI. Text that isn't a URL stays as it is.
 *
 * @example
 * ```ts
 * import { shownUrl } from "./url.ts";
 * const shown = shownUrl("https://me:secret@host/m.gguf?token=abc");
 * if (shown !== "https://host/m.gguf?…") throw new Error(shown);
 * ```
 */
export function shownUrl(url: string): string {
  // A name in a cache (hf:ORG/REPO) and a path with a drive could be parsed too.
  if (!isUrl(url) || !URL.canParse(url)) return url;
  const { protocol, host, pathname, search } = new URL(url);
  return `${protocol}//${host}${pathname}${search === "" ? "" : "?…"}`;
}
