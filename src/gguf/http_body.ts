import { shownUrl } from "./shown_url.ts";
import { fault } from "./fault.ts";

/** Reads a body of exactly `length` bytes, and cancels one that has more. */
export async function readBody(
  url: string,
  response: Response,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  let cause: unknown;
  const reader = response.body?.getReader();
  if (reader !== undefined) {
    try {
      while (filled < length) {
        const { done, value } = await reader.read();
        if (done) break;
        const part = value.subarray(0, length - filled);
        bytes.set(part, filled);
        filled += part.length;
      }
    } catch (error) {
      // An abort is told apart by whoever asked for it.
      if (error instanceof DOMException) throw error;
      cause = error;
    }
    await reader.cancel().catch(() => {});
  }
  if (filled === length) return bytes;
  throw fault(
    "gguf-http-cut-off",
    `The server's answer was cut off after ${filled} of ${length} bytes: ${shownUrl(url)}`,
    "Try again",
    cause,
  );
}
