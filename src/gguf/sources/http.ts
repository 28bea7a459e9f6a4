import { BrainjarError, messageOf } from "../../budget/error.ts";
import { type Environment, type LocateOptions, processEnvironment } from "../environment.ts";
import { fault, headerTooLarge, quote } from "../fault.ts";
import {
  FIRST_RANGE_BYTES,
  LARGEST_RANGE_BYTES,
  MAX_HEADER_BYTES,
  MODEL_TIMEOUT_MILLISECONDS,
  type ReadOptions,
  REQUEST_TIMEOUT_MILLISECONDS,
} from "../limits.ts";
import { hubAuthorization } from "./hub_token.ts";
import { isHubPage, isPage, pageFault, type Refusal, refusal } from "./refusal.ts";
import { shownUrl } from "./url.ts";
import type { ModelTimer } from "./server_turn.ts";
import type { ByteSource } from "./source.ts";

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** As many as the Fetch standard follows. */
const MAX_REDIRECTS = 20;

/** How a server is asked, and whose environment has the hub's token. */
type HttpOptions = ReadOptions & Pick<LocateOptions, "environment"> & Partial<ModelTimer>;

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
export async function httpSource(url: string, options: HttpOptions = {}): Promise<ByteSource> {
  // The hub has pages there, and none may be reached from a machine without a network.
  if (isHubPage(url)) throw pageFault(url, url);
  let range = await fetchRange(url, { offset: 0, length: FIRST_RANGE_BYTES }, options);
  const { size, tag } = range;
  let length = FIRST_RANGE_BYTES;
  let fetched = range.bytes.length;
  return {
    path: shownUrl(url),
    size,
    async read(offset, into) {
      if (offset >= size) return 0;
      if (offset < range.offset || offset >= range.offset + range.bytes.length) {
        length = Math.min(length * 2, LARGEST_RANGE_BYTES);
        // What is skipped isn't read, and some of it is fetched.
        fetched += length;
        if (fetched > MAX_HEADER_BYTES) {
          throw headerTooLarge(shownUrl(url), "what was fetched of it");
        }
        range = await fetchRange(url, {
          offset,
          length: Math.min(length, size - offset),
          buffer: range.bytes.buffer,
        }, options);
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

/** What of a file is asked for. */
interface WantedRange {
  readonly offset: number;
  readonly length: number;
  /** Memory that isn't needed any more, for its bytes. */
  readonly buffer?: ArrayBuffer;
}

async function fetchRange(
  url: string,
  wanted: WantedRange,
  options: HttpOptions,
): Promise<Range> {
  const timeout = options.timeoutMilliseconds ?? REQUEST_TIMEOUT_MILLISECONDS;
  const timer = AbortSignal.timeout(timeout);
  const { signal: callers, modelTimer } = options;
  const signal = AbortSignal.any([timer, modelTimer, callers].filter((one) => one !== undefined));
  try {
    const range = `bytes=${wanted.offset}-${wanted.offset + wanted.length - 1}`;
    const { response, from } = await fetchFollowing(url, range, signal, options);
    return await readRange({ url, from, response, environment: environmentOf(options) }, wanted);
  } catch (error) {
    if (callers?.aborted) throw callers.reason;
    if (error instanceof BrainjarError) throw error;
    if (modelTimer?.aborted) throw outOfTime(url, options, error);
    throw timer.aborted ? timedOut(url, timeout, error) : failed(url, error);
  }
}

/**
 * Asks for a range and follows redirects one by one, since what is said of who asks is for the host
 * that was named: neither the caller's headers nor the hub's token go to another.
 */
async function fetchFollowing(
  url: string,
  range: string,
  signal: AbortSignal,
  options: HttpOptions,
): Promise<{ readonly response: Response; readonly from: string }> {
  const hops = [url];
  while (hops.length <= MAX_REDIRECTS) {
    const from = hops.at(-1) ?? url;
    const stays = hops.every((hop) => new URL(hop).origin === new URL(url).origin);
    const response = await fetch(from, {
      signal,
      redirect: "manual",
      headers: {
        ...hubAuthorization(hops, environmentOf(options)),
        ...(stays ? options.headers : {}),
        // Ranges of a compressed answer would be ranges of something else.
        "accept-encoding": "identity",
        range,
      },
    });
    const location = REDIRECTS.has(response.status) ? response.headers.get("location") : null;
    if (location === null) return { response, from };
    await response.body?.cancel();
    const next = new URL(location, from);
    if (!/^https?:$/.test(next.protocol)) {
      throw new TypeError(`It redirects to ${quote(next.protocol)}`);
    }
    hops.push(next.href);
  }
  throw new TypeError(`It redirects more than ${MAX_REDIRECTS} times`);
}

function environmentOf(options: HttpOptions): Environment {
  return options.environment ?? processEnvironment;
}

async function readRange(
  answer: Refusal,
  { offset, length, buffer = new ArrayBuffer(0) }: WantedRange,
): Promise<Range> {
  const { url, from, response } = answer;
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
    throw refusal(answer);
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
  const bytes = await readBody(url, response, last - first + 1, buffer);
  // A model may be sent as any type; a page isn't one.
  if (offset === 0 && isPage(response) && !startsAsGguf(bytes)) throw pageFault(url, from);
  return { offset, bytes, size, tag: response.headers.get("etag") };
}

function startsAsGguf(bytes: Uint8Array): boolean {
  return new TextDecoder().decode(bytes.subarray(0, 4)) === "GGUF";
}

/** Reads a body of exactly `length` bytes, into a buffer where that holds it; cancels one that has more. */
async function readBody(
  url: string,
  response: Response,
  length: number,
  buffer: ArrayBuffer,
): Promise<Uint8Array<ArrayBuffer>> {
  let bytes = new Uint8Array(buffer.byteLength < length ? new ArrayBuffer(length) : buffer);
  let filled = 0;
  let cause: unknown;
  // Each read takes the buffer and gives it back: a server may send a byte at a time.
  const reader = response.body?.getReader({ mode: "byob" });
  if (reader !== undefined) {
    try {
      while (filled < length) {
        const { done, value } = await reader.read(bytes.subarray(filled, length));
        if (value !== undefined) bytes = new Uint8Array(value.buffer);
        if (done) break;
        filled += value.length;
      }
    } catch (error) {
      // An abort is told apart by whoever asked for it.
      if (error instanceof DOMException) throw error;
      cause = error;
    }
    await reader.cancel().catch(() => {});
  }
  if (filled === length) return bytes.subarray(0, length);
  throw fault(
    "gguf-http-cut-off",
    `The server's answer was cut off after ${filled} of ${length} bytes: ${shownUrl(url)}`,
    "Try again",
    cause,
  );
}

function timedOut(url: string, timeout: number, cause: unknown): BrainjarError {
  return fault(
    "gguf-http-timeout",
    `The server didn't answer within ${timeout / 1000} s: ${shownUrl(url)}`,
    "Check the network or download the file and give its path",
    cause,
  );
}

function outOfTime(
  url: string,
  { modelTimeoutMilliseconds = MODEL_TIMEOUT_MILLISECONDS }: HttpOptions,
  cause: unknown,
): BrainjarError {
  return fault(
    "gguf-http-timeout",
    `The server didn't send the model's header within ${
      modelTimeoutMilliseconds / 1000
    } s in all: ${shownUrl(url)}`,
    "Check the network or download the file and give its path",
    cause,
  );
}

function failed(url: string, cause: unknown): BrainjarError {
  const hint = cause instanceof Deno.errors.NotCapable
    ? "Start brainjar with --allow-net for that host"
    : reasonOf(cause);
  return fault("gguf-http-failed", `The server can't be reached: ${shownUrl(url)}`, hint, cause);
}

/** Why a request failed, in the words of the runtime without the URL, where a secret may be. */
function reasonOf(cause: unknown): string {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause;
  return messageOf(inner).replace(/^error sending request for url \(\S*\): /, "")
    .replace(/https?:\/\/[^\s)]+/gi, shownUrl);
}
