import { assert, assertEquals } from "@std/assert";
import { MAX_HEADER_BYTES, MAX_SERVER_MODELS } from "../../src/gguf/limits.ts";
import { readHeader } from "../../src/gguf/read.ts";
import { array, buildHeader, text } from "./build_header.ts";
import { assertFault } from "./read_bytes.ts";
import { type Handler, rangeOf, serving } from "./server.ts";
import { buildPart, partName } from "./split_models.ts";

// A server may answer, and never come to an end. Each is given little time here; how much it really
// gets are constants in limits.ts.

const IN_ALL = { modelTimeoutMilliseconds: 200 };
const IN_ALL_WORDS = "within 0.2 s in all";

const SMALL = buildHeader({
  metadata: [text("general.name", "small")],
  tensors: [{ name: "a", dimensions: [64, 64] }],
}).bytes;

/** Bytes of a file that has no end. */
const ENDLESS = 10 ** 13;

const pause = (milliseconds: number) =>
  new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

/** Which bytes are asked for. */
function asked(request: Request): { readonly first: number; readonly length: number } {
  const [, first = 0, last = 0] =
    /^bytes=(\d+)-(\d+)$/.exec(request.headers.get("range") ?? "")?.map(Number) ?? [];
  return { first, length: last - first + 1 };
}

/** An answer that promises the range of an endless file. */
function partial(request: Request, body: BodyInit): Response {
  const { first, length } = asked(request);
  const range = `bytes ${first}-${first + length - 1}/${ENDLESS}`;
  return new Response(body, { status: 206, headers: { "content-range": range } });
}

/** A range of a file that begins as `start` does and goes on with zeros. */
function zeros(request: Request, start: Uint8Array): Uint8Array<ArrayBuffer> {
  const { first, length } = asked(request);
  const bytes = new Uint8Array(length);
  if (first < start.length) bytes.set(start.subarray(first, first + length));
  return bytes;
}

/** The text of these bytes, one after another, for ever. */
function dripping(bytes: Uint8Array, milliseconds: number): ReadableStream {
  let timer: ReturnType<typeof setInterval> | undefined;
  let at = 0;
  return new ReadableStream({
    start: (controller) => {
      timer = setInterval(
        () => controller.enqueue(bytes.slice(at, ++at)),
        milliseconds,
      );
    },
    cancel: () => clearInterval(timer),
  });
}

/** The front of a header whose vocabulary claims so many tokens. */
const claiming = (tokens: number) =>
  buildHeader({
    metadata: [array("tokenizer.ggml.tokens", "string", [], tokens)],
    tensorCount: 1,
  }).bytes;

const SLOW: readonly (readonly [name: string, handler: Handler])[] = [
  ["sends a byte at a time", (request) => partial(request, dripping(SMALL, 5))],
  [
    "answers each range slowly",
    async (request) => {
      await pause(60);
      return partial(request, zeros(request, claiming(4_000_000)));
    },
  ],
  [
    "leads from place to place slowly",
    async ({ url }) => {
      await pause(20);
      return Response.redirect(`${url}x`, 302);
    },
  ],
  [
    "leads on with a body that has no end",
    async ({ url }) => {
      await pause(20);
      const headers = { location: `${url}x` };
      return new Response(dripping(SMALL, 5), { status: 302, headers });
    },
  ],
];

for (const [name, handler] of SLOW) {
  Deno.test(`a server is given up that ${name}`, () =>
    serving(handler, async (origin) => {
      const error = await assertFault(
        () => readHeader(`${origin}/a.gguf?token=secret`, IN_ALL),
        "gguf-http-timeout",
        IN_ALL_WORDS,
        `${origin}/a.gguf`,
      );
      assert(!error.message.includes("secret"), error.message);
    }));
}

/** A server that says what it says whatever it is asked, and then nothing, for as long as the test runs. */
async function saying(
  say: (connection: Deno.TcpConn) => Promise<void>,
  test: (origin: string) => Promise<unknown>,
): Promise<void> {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections: Deno.TcpConn[] = [];
  const serve = async () => {
    for await (const connection of listener) {
      connections.push(connection);
      // The client goes away in the middle.
      await say(connection).catch(() => {});
    }
  };
  const served = serve();
  try {
    await test(`http://127.0.0.1:${listener.addr.port}`);
  } finally {
    listener.close();
    for (const connection of connections) connection.close();
    await served;
  }
}

Deno.test("a server is given up that never answers", () =>
  saying(
    () => Promise.resolve(),
    (origin) =>
      assertFault(
        () => readHeader(`${origin}/a.gguf`, IN_ALL),
        "gguf-http-timeout",
        IN_ALL_WORDS,
      ),
  ));

Deno.test("a server is given up that sends headers for ever", () =>
  saying(
    async (connection) => {
      await connection.write(new TextEncoder().encode("HTTP/1.1 206 Partial Content\r\n"));
      for (let index = 0;; index++) {
        await connection.write(new TextEncoder().encode(`x-${index}: y\r\n`));
        await pause(10);
      }
    },
    (origin) =>
      assertFault(
        () => readHeader(`${origin}/a.gguf`, IN_ALL),
        "gguf-http-timeout",
        IN_ALL_WORDS,
      ),
  ));

Deno.test("all parts of a split model together have the time of one", async () => {
  const slowly: Handler = async (request, log) => {
    await pause(60);
    const part = [0, 1, 2, 3, 4].find((part) => request.url.endsWith(partName(part, 5))) ?? 0;
    return rangeOf(buildPart(part, 5), request, log);
  };
  await serving(slowly, async (origin) => {
    await assertFault(
      () => readHeader(`${origin}/${partName(0, 5)}`, IN_ALL),
      "gguf-http-timeout",
      IN_ALL_WORDS,
    );
  });
});

Deno.test("a slow server is read all the same, in the time that a model has", () =>
  serving(async (request, log) => {
    await pause(60);
    return rangeOf(SMALL, request, log);
  }, async (origin) => {
    const slowly = { modelTimeoutMilliseconds: 10_000 };
    assertEquals((await readHeader(`${origin}/a.gguf`, slowly)).tensors.length, 1);
  }));

const CLAIMS: readonly (readonly [name: string, start: Uint8Array, code: string, piece: string])[] =
  [
    [
      "half a billion texts",
      claiming(500_000_000),
      "gguf-too-large",
      "no model has more than 4194304",
    ],
    [
      "2^63 tensors",
      buildHeader({ tensorCount: 2n ** 63n }).bytes,
      "gguf-lying-length",
      "a tensor table",
    ],
    [
      "a hundred million tensors",
      buildHeader({ tensorCount: 100_000_000 }).bytes,
      "gguf-too-large",
      "no model has more than 131072",
    ],
  ];

for (const [name, start, code, piece] of CLAIMS) {
  Deno.test(`a header that claims ${name} is refused by its first range`, async () => {
    let requests = 0;
    await serving((request) => {
      requests++;
      return partial(request, zeros(request, start));
    }, async (origin) => {
      await assertFault(() => readHeader(`${origin}/a.gguf`), code, piece);
      assertEquals(requests, 1);
    });
  });
}

Deno.test("a header that makes the server send far more than is read has an end", async () => {
  const start = claiming(1_000_000);
  // Each text is skipped, and the range that has its length has four megabytes of it.
  const step = 8 + 4 * 1024 * 1024;
  let sent = 0;
  await serving((request) => {
    const { first, length } = asked(request);
    const bytes = zeros(request, start);
    const view = new DataView(bytes.buffer);
    const index = Math.max(0, Math.ceil((first - start.length) / step));
    for (let at = start.length + index * step - first; at + 8 <= length; at += step) {
      view.setBigUint64(at, BigInt(step - 8), true);
    }
    sent += length;
    return partial(request, bytes);
  }, async (origin) => {
    await assertFault(
      () => readHeader(`${origin}/a.gguf`),
      "gguf-too-large",
      `longer than ${MAX_HEADER_BYTES} bytes`,
    );
  });
  assert(sent <= MAX_HEADER_BYTES, `${sent} bytes`);
});

Deno.test("what a server sends beyond the range isn't read", () =>
  serving((request) => {
    const { first, length } = asked(request);
    const last = Math.min(first + length, SMALL.length) - 1;
    const endless = new ReadableStream({
      start: (controller) => controller.enqueue(SMALL.slice(first, last + 1)),
      pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
    });
    return new Response(endless, {
      status: 206,
      headers: { "content-range": `bytes ${first}-${last}/${SMALL.length}` },
    });
  }, async (origin) => {
    assertEquals((await readHeader(`${origin}/a.gguf`)).tensors.length, 1);
  }));

Deno.test("many models on servers are read a few at a time, each in its own time", async () => {
  const count = 11 * MAX_SERVER_MODELS;
  let now = 0;
  let most = 0;
  await serving(async (request, log) => {
    most = Math.max(most, ++now);
    await pause(100);
    now--;
    return rangeOf(SMALL, request, log);
  }, async (origin) => {
    const urls = Array.from({ length: count }, (_, index) => `${origin}/${index}.gguf`);
    // All together take longer than one may.
    const options = { modelTimeoutMilliseconds: 1000 };
    const headers = await Promise.all(urls.map((url) => readHeader(url, options)));
    assertEquals(headers.length, count);
    assertEquals(most, MAX_SERVER_MODELS);
  });
});

Deno.test("the caller ends the reading while a body drips", () =>
  serving((request) => partial(request, dripping(SMALL, 5)), async (origin) => {
    const reason = new Error("enough");
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 50);
    const reading = readHeader(`${origin}/a.gguf`, { signal: controller.signal });
    assertEquals(await reading.catch((error) => error), reason);
  }));
