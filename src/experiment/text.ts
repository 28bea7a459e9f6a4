/**
 * `text` on one line: every run of white space and control characters becomes one space.
 *
 * @example
 * ```ts
 * import { oneLine } from "./text.ts";
 * if (oneLine(" a\r\n\u001b[31mb ") !== "a [31mb") throw new Error();
 * ```
 */
export function oneLine(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replaceAll(/[\s\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g, " ").trim();
}

/**
 * The beginning of `text` that takes at most `bytes` bytes of UTF-8, never half a character.
 *
 * @example
 * ```ts
 * import { clipBytes } from "./text.ts";
 * if (clipBytes("aäb", 2) !== "a") throw new Error();
 * ```
 */
export function clipBytes(text: string, bytes: number): string {
  const room = new Uint8Array(Math.max(0, Math.floor(bytes)));
  return text.slice(0, new TextEncoder().encodeInto(text, room).read);
}
