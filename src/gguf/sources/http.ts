import { BrainjarError, messageOf } from "../../budget/error.ts";
import { fault, quote } from "../fault.ts";
import {
  FIRST_RANGE_BYTES,
  LARGEST_RANGE_BYTES,
  type ReadOptions,
  REQUEST_TIMEOUT_MILLISECONDS,
} from "../limits.ts";
import { shownUrl } from "./url.ts";
import type { ByteSource } from "./source.ts";

/** What of a file a server has sent. */
interface Range {
  readonly offset: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Bytes of the whole file. */
  readonly size: number;
  /** The server's word for this version of the file. */
  readonly tag: string | null;
}

/**
 * Opens a model on a server, which must answer range requests. Redirects are followed; only the
 * ranges that are read are fetched, doubling from `FIRST_RANGE_BYTES` to `LARGEST_RANGE_BYTES`.
 *
 * @throws BrainjarError `model-not-found` for 404 and 410, else a code that starts with
 *   `gguf-http-`
 */
export async function httpSource(url: string, options: ReadOptions = {}): Promise<ByteSource> {
  let range = await fetchRange(url, 0, FIRST_RANGE_BYTES, options);
  const { size, tag } = range;
  let length = FIRST_RANGE_BYTES;
  return {
    path: shownUrl(url),
    size,
    async read(offset, into) {
      if (offset >= size) return 0;
      if (offset < range.offset || offset >= range.offset + range.bytes.length) {
        length = Math.min(length * 2, LARGEST_RANGE_BYTES);
        range = await fetchRange(url, offset, Math.min(length, size - offset), options);
        if (range.size !== size || range.tag !== tag) {
          throw fault(
            "gguf-http-changed",
            `The file changed on the server while it was read: ${shownUrl(url)}`,
            "Try again",
          );
        }
      }
      const start = offset - range.offset;
      const part = range.bytes.subarray(start, start + into.length);
      into.set(part);
      return part.length;
    },
    close() {},
  };
}

async function fetchRange(
  url: string,
  offset: number,
  length: number,
  options: ReadOptions,
): Promise<Range> {
  const timeout = options.timeoutMilliseconds ?? REQUEST_TIMEOUT_MILLISECONDS;
  const timer = AbortSignal.timeout(timeout);
  const signal = AbortSignal.any(options.signal === undefined ? [timer] : [timer, options.signal]);
  try {
    const response = await fetch(url, {
      signal,
      headers: {
        ...options.headers,
        // Ranges of a compressed answer would be ranges of something else.
        "accept-encoding": "identity",
        range: `bytes=${offset}-${offset + length - 1}`,
      },
    });
    return await readRange(url, response, offset, length);
  } catch (error) {
    if (error instanceof BrainjarError) throw error;
    if (options.signal?.aborted) throw options.signal.reason;
    throw timer.aborted ? timedOut(url, timeout, error) : failed(url, error);
  }
}

async function readRange(
  url: string,
  response: Response,
  offset: number,
  length: number,
): Promise<Range> {
  const contentRange = response.headers.get("content-range");
  if (response.status === 416 && contentRange === "bytes */0") {
    await response.body?.cancel();
    return { offset, bytes: new Uint8Array(0), size: 0, tag: response.headers.get("etag") };
  }
  const sent = response.status === 206
    ? /^bytes (\d+)-(\d+)\/(\d+)$/.exec(contentRange ?? "")
    : null;
  const [first, last, size] = (sent ?? []).slice(1).map(Number);
  if (first === undefined || last === undefined || size === undefined) {
    // The whole file may be on its way.
    await response.body?.cancel();
    throw refusal(url, response);
  }
  if (first !== offset || last < first || last >= size || last - first >= length) {
    await response.body?.cancel();
    throw fault(
      "gguf-http-no-ranges",
      `The server sent another range than was asked for, ${quote(contentRange ?? "")}: ${
        shownUrl(url)
      }`,
      "Download the file and give its path",
    );
  }
  const bytes = await readBody(url, response, last - first + 1);
  return { offset, bytes, size, tag: response.headers.get("etag") };
}

/** Reads a body of exactly `length` bytes, and cancels one that has more. */
async function readBody(
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

/** The error for an answer that isn't the range that was asked for. */
function refusal(url: string, response: Response): BrainjarError {
  const { status } = response;
  if (status === 404 || status === 410) {
    return fault(
      "model-not-found",
      `Model file not found: ${shownUrl(url)}`,
      `The server answered ${status}: check the URL`,
    );
  }
  if (status === 200 || status === 206 || status === 416) {
    return fault(
      "gguf-http-no-ranges",
      `The server can't send parts of a file (it answered ${status} to a range request): ${
        shownUrl(url)
      }`,
      "Download the file and give its path",
    );
  }
  const hint = status === 401 || status === 403
    ? "The server wants to know who you are: download the file and give its path"
    : status === 429
    ? "Too many requests: try again later"
    : status >= 500
    ? "The server is in trouble: try again later"
    : "Check the URL";
  return fault("gguf-http-status", `The server answered ${status}: ${shownUrl(url)}`, hint);
}

function timedOut(url: string, timeout: number, cause: unknown): BrainjarError {
  return fault(
    "gguf-http-timeout",
    `The server didn't answer within ${timeout / 1000} s: ${shownUrl(url)}`,
    "Check the network or download the file and give its path",
    cause,
  );
}

function failed(url: string, cause: unknown): BrainjarError {
  const hint = cause instanceof Deno.errors.NotCapable
    ? "Start brainjar with --allow-net for that host"
    : messageOf(cause);
  return fault("gguf-http-failed", `The server can't be reached: ${shownUrl(url)}`, hint, cause);
}
