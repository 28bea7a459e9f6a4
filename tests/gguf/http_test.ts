import { assert, assertEquals } from "@std/assert";
import { FIRST_RANGE_BYTES } from "../../src/gguf/limits.ts";
import { readHeader } from "../../src/gguf/read.ts";
import { array, buildHeader, text } from "./build_header.ts";
import { assertFault } from "./read_bytes.ts";
import { rangeOf, serving } from "./server.ts";
import { buildPart, partName } from "./split_models.ts";

/** 16 MB, of which the header is the first part of a first range. */
const SMALL = buildHeader({
  metadata: [text("general.architecture", "llama"), text("general.name", "small")],
  tensors: [{ name: "a", dimensions: [4096, 1024] }],
}).bytes;

/** A header of 2.4 MB with 2 MB to skip in the middle, and 16 MB of data. */
const LARGE = buildHeader({
  metadata: [
    array(
      "tokenizer.ggml.tokens",
      "string",
      Array.from({ length: 80_000 }, (_, i) => `token ${i}`),
    ),
    array("tokenizer.ggml.scores", "float64", Array.from({ length: 250_000 }, () => 1)),
    text("general.name", "large"),
  ],
  tensors: [{ name: "a", dimensions: [4096, 1024] }],
});

Deno.test("a header is read from a server by its first range", () =>
  serving((request, log) => rangeOf(SMALL, request, log), async (origin, log) => {
    const url = `${origin}/small.gguf`;
    const header = await readHeader(new URL(url));
    assertEquals(header.metadata.get("general.name"), "small");
    assertEquals(header.fileBytes, SMALL.length);
    assertEquals(header.parts[0]?.path, url);
    assertEquals(log.ranges, [`bytes=0-${FIRST_RANGE_BYTES - 1}`]);
    assertEquals(await readHeader(url), header);
  }));

Deno.test("a large header is read by growing ranges, and little more than it", () =>
  serving((request, log) => rangeOf(LARGE.bytes, request, log), async (origin, log) => {
    const header = await readHeader(`${origin}/large.gguf`);
    assertEquals(header.metadata.get("general.name"), "large");
    assertEquals(header.tensors.length, 1);
    assert(log.ranges.length <= 6, `${log.ranges.length} requests`);
    assert(log.sent < 2 * LARGE.headerEnd, `${log.sent} bytes for ${LARGE.headerEnd}`);
  }));

for (const status of [301, 302, 303, 307, 308]) {
  Deno.test(`a redirect is followed: ${status}, to a relative place`, () =>
    serving((request, log) => {
      const { pathname } = new URL(request.url);
      return pathname === "/hub/model.gguf"
        ? new Response(null, { status, headers: { location: "../store/blob?signed=1" } })
        : pathname === "/store/blob"
        ? rangeOf(LARGE.bytes, request, log)
        : new Response(null, { status: 404 });
    }, async (origin) => {
      const header = await readHeader(`${origin}/hub/model.gguf`);
      assertEquals(header.metadata.get("general.name"), "large");
      assertEquals(header.parts[0]?.path, `${origin}/hub/model.gguf`);
    }));
}

Deno.test("a redirect to another host is followed", () =>
  serving(
    (request, log) => rangeOf(SMALL, request, log),
    (there) =>
      serving(
        () => Response.redirect(`${there}/blob`, 302),
        async (origin) => {
          const header = await readHeader(`${origin}/model.gguf`);
          assertEquals(header.metadata.get("general.name"), "small");
        },
      ),
  ));

Deno.test("a redirect without end is refused", () =>
  serving(
    (request) => Response.redirect(request.url, 302),
    (origin) => assertFault(() => readHeader(`${origin}/a.gguf`), "gguf-http-failed", "/a.gguf"),
  ));

Deno.test("a redirect to a file is refused", () =>
  serving(
    () => new Response(null, { status: 302, headers: { location: "file:///etc/hostname" } }),
    (origin) => assertFault(() => readHeader(`${origin}/a.gguf`), "gguf-http-failed", "/a.gguf"),
  ));

Deno.test("a split model is read from a server, query and all", () =>
  serving((request, log) => {
    const { pathname, searchParams } = new URL(request.url);
    const part = [0, 1, 2].find((part) => pathname === `/m/${partName(part, 3)}`);
    return part === undefined || searchParams.get("download") !== "true"
      ? new Response(null, { status: 404 })
      : rangeOf(buildPart(part, 3), request, log);
  }, async (origin) => {
    const url = (part: number) => `${origin}/m/${partName(part, 3)}`;
    const header = await readHeader(`${url(1)}?download=true`);
    // Reports show paths, and a query may hold a secret.
    const shown = [0, 1, 2].map((part) => `${url(part)}?…`);
    assertEquals(header.parts.map((part) => part.path), shown);
    assertEquals(header.tensors.length, 6);
  }));

Deno.test("a part that the server doesn't have is named", () =>
  serving(
    (request, log) =>
      request.url.endsWith(partName(2, 3))
        ? new Response(null, { status: 404 })
        : rangeOf(buildPart(request.url.endsWith(partName(0, 3)) ? 0 : 1, 3), request, log),
    (origin) =>
      assertFault(
        () => readHeader(`${origin}/${partName(0, 3)}`),
        "gguf-split-missing",
        "Part 3 of 3",
        partName(2, 3),
      ),
  ));

Deno.test("a server without ranges is refused, and its body is given up", async () => {
  let cancelled = false;
  let sent = 0;
  const endless = () =>
    new ReadableStream({
      pull(controller) {
        sent += 65_536;
        controller.enqueue(new Uint8Array(65_536));
      },
      cancel() {
        cancelled = true;
      },
    }, { highWaterMark: 0 });
  await serving(() => new Response(endless()), async (origin) => {
    await assertFault(() => readHeader(`${origin}/a.gguf`), "gguf-http-no-ranges", "answered 200");
    for (let i = 0; i < 200 && !cancelled; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert(cancelled, "The body went on");
    assert(sent < 64 * 1024 * 1024, `${sent} bytes`);
  });
});

const ANSWERS: readonly [name: string, answer: () => Response, code: string, ...string[]][] = [
  ["401", () => new Response("who?", { status: 401 }), "gguf-http-status", "answered 401"],
  ["403", () => new Response("no", { status: 403 }), "gguf-http-status", "answered 403"],
  ["429", () => new Response("slow", { status: 429 }), "gguf-http-status", "answered 429"],
  ["500", () => new Response("oh", { status: 500 }), "gguf-http-status", "answered 500"],
  ["404", () => new Response("none", { status: 404 }), "model-not-found"],
  ["410", () => new Response("gone", { status: 410 }), "model-not-found"],
  [
    "206 without saying which range",
    () => new Response(new Uint8Array(10), { status: 206 }),
    "gguf-http-no-ranges",
  ],
  [
    "206 of another range",
    () =>
      new Response(new Uint8Array(10), {
        status: 206,
        headers: { "content-range": "bytes 5-14/100" },
      }),
    "gguf-http-no-ranges",
    "bytes 5-14/100",
  ],
  [
    "206 of unknown size",
    () =>
      new Response(new Uint8Array(10), {
        status: 206,
        headers: { "content-range": "bytes 0-9/*" },
      }),
    "gguf-http-no-ranges",
  ],
  [
    "206 with less than it says",
    () =>
      new Response(new Uint8Array(10), {
        status: 206,
        headers: { "content-range": "bytes 0-99/1000" },
      }),
    "gguf-http-cut-off",
    "10 of 100 bytes",
  ],
  [
    "an empty file",
    () => new Response(null, { status: 416, headers: { "content-range": "bytes */0" } }),
    "gguf-empty",
  ],
  [
    "a web page",
    () =>
      new Response("<!DOCTYPE html>", {
        status: 206,
        headers: { "content-range": "bytes 0-14/15" },
      }),
    "gguf-bad-magic",
    "a web page",
  ],
];

for (const [name, answer, code, ...pieces] of ANSWERS) {
  Deno.test(`an answer that is no model: ${name}`, () =>
    serving(answer, async (origin) => {
      const url = `${origin}/model.gguf`;
      const error = await assertFault(() => readHeader(url), code, url, ...pieces);
      if (code === "model-not-found") assertEquals(error.message, `Model file not found: ${url}`);
    }));
}

Deno.test("a connection that breaks midway is told from a bad file", () =>
  serving(() => {
    const broken = new ReadableStream({
      start(controller) {
        controller.enqueue(SMALL.subarray(0, 100));
      },
      pull(controller) {
        controller.error(new Error("unplugged"));
      },
    }, { highWaterMark: 0 });
    return new Response(broken, {
      status: 206,
      headers: { "content-range": `bytes 0-${FIRST_RANGE_BYTES - 1}/${SMALL.length}` },
    });
  }, (origin) => assertFault(() => readHeader(`${origin}/a.gguf`), "gguf-http-cut-off")));

Deno.test("a file that changes between two ranges is refused", () =>
  serving(
    (request, log) => {
      const file = log.ranges.length === 0 ? LARGE.bytes : LARGE.bytes.subarray(1);
      return rangeOf(file, request, log);
    },
    (origin) => assertFault(() => readHeader(`${origin}/a.gguf`), "gguf-http-changed"),
  ));

Deno.test("a model that isn't all on the server is incomplete", () =>
  serving(
    (request, log) => rangeOf(SMALL.subarray(0, SMALL.length - 5), request, log),
    (origin) => assertFault(() => readHeader(`${origin}/a.gguf`), "gguf-truncated", "5 bytes"),
  ));

Deno.test("a server that stalls is given up", async () => {
  let release = () => {};
  const stalled = new Promise<Response>((resolve) => release = () => resolve(new Response("late")));
  await serving(() => stalled, async (origin) => {
    await assertFault(
      () => readHeader(`${origin}/a.gguf`, { timeoutMilliseconds: 100 }),
      "gguf-http-timeout",
      "0.1 s",
    );
    release();
  });
});

Deno.test("a server that stalls inside an answer is given up", () =>
  serving(() => {
    const silent = new ReadableStream({
      start(controller) {
        controller.enqueue(SMALL.subarray(0, 100));
      },
    });
    return new Response(silent, {
      status: 206,
      headers: { "content-range": `bytes 0-999/${SMALL.length}` },
    });
  }, async (origin) => {
    await assertFault(
      () => readHeader(`${origin}/a.gguf`, { timeoutMilliseconds: 200 }),
      "gguf-http-timeout",
    );
  }));

Deno.test("headers of the caller are sent, and its signal ends the reading", () =>
  serving((request, log) => {
    return request.headers.get("authorization") === "Bearer x"
      ? rangeOf(SMALL, request, log)
      : new Response(null, { status: 401 });
  }, async (origin) => {
    await readHeader(`${origin}/a.gguf`, { headers: { authorization: "Bearer x" } });
    const reason = new Error("enough");
    const signal = AbortSignal.abort(reason);
    const failure = await readHeader(`${origin}/a.gguf`, { signal }).catch((error) => error);
    assertEquals(failure, reason);
  }));

Deno.test("a server that can't be reached", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const url = `http://127.0.0.1:${port}/a.gguf`;
  await assertFault(() => readHeader(url), "gguf-http-failed", url);
  await assertFault(() => readHeader("http://a.invalid:99999/"), "gguf-http-failed");
});

Deno.test({
  name: "no permission for the network",
  permissions: { net: false },
  fn: async () => {
    const error = await assertFault(() => readHeader("http://127.0.0.1/a"), "gguf-http-failed");
    assert(error.hint?.includes("--allow-net"));
  },
});
