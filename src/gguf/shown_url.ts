/**
 * A URL as reports and errors show it: without what may be a secret, since they end up in the logs
 * of CI. Text that isn't a URL stays as it is.
 *
 * @example
 * ```ts
 * import { shownUrl } from "./shown_url.ts";
 * const shown = shownUrl("https://me:secret@host/m.gguf?token=abc");
 * if (shown !== "https://host/m.gguf?…") throw new Error(shown);
 * ```
 */
export function shownUrl(url: string): string {
  if (!URL.canParse(url)) return url;
  const { protocol, host, pathname, search } = new URL(url);
  return `${protocol}//${host}${pathname}${search === "" ? "" : "?…"}`;
}
