import { assert, assertEquals } from "@std/assert";
import { answer } from "../../src/page/answers.ts";
import { readPageAddress } from "../../src/page/address.ts";
import { MOST_READERS } from "../../src/page/readers.ts";
import { listen } from "../../src/page/server.ts";
import { KEPT_BYTES } from "../../src/page/updates.ts";
import { openPlayedPage, type PlayedPage } from "./played_page.ts";

/** Opens a stream of events and reads its beginning; who opens it reads on, or doesn't. */
async function open({ origin }: PlayedPage): Promise<Deno.TcpConn> {
  const { hostname, port, host } = new URL(origin);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  await connection.write(new TextEncoder().encode(`GET /events HTTP/1.1\r\nhost: ${host}\r\n\r\n`));
  await connection.read(new Uint8Array(4096));
  return connection;
}

/** Lets what is under way be done until something holds; fails if it never does. */
async function until(holds: () => boolean, what: string): Promise<void> {
  for (let look = 0; look < 20_000; look++) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`It never came to: ${what}`);
}

Deno.test("page: 500 who come and go leave nothing behind", async () => {
  await using page = await openPlayedPage();
  const connections: Deno.TcpConn[] = [];
  for (let count = 0; count < 500; count++) connections.push(await open(page));
  await until(() => page.page.readers === 500, "500 read along");
  page.hear({ event: "paused", turn: 1 }, 1);
  for (const connection of connections) connection.close();
  await until(() => page.page.readers === 0, "none reads along");
});

Deno.test("page: a connection that isn't read is closed, and one that is goes on", async () => {
  await using page = await openPlayedPage();
  const stalled = await open(page);
  const reading = await open(page);
  let bytes = 0;
  const read = (async () => {
    const buffer = new Uint8Array(65_536);
    for (let count; (count = await reading.read(buffer)) !== null;) bytes += count;
  })();
  let sent = 0;
  // The kernel takes some megabytes for a connection that nobody reads.
  for (let at = 1; page.page.readers === 2 && sent < 200 * KEPT_BYTES; at++) {
    page.hear({ event: "warning", code: "x", message: `${at}`.padEnd(200_000, "x") }, at);
    sent += 200_000;
    const before = bytes;
    await until(() => bytes > before, "the other one reads on");
  }
  assertEquals(page.page.readers, 1, "It is dropped");
  assert(bytes > KEPT_BYTES);
  await page.page.close();
  await read;
  stalled.close();
  reading.close();
});

/** What a connection gets until it is ended, having sent this. */
async function sent(connection: Deno.TcpConn, text: string): Promise<string> {
  await connection.write(new TextEncoder().encode(text));
  let got = "";
  try {
    for await (const part of connection.readable) got += new TextDecoder().decode(part);
  } catch {
    // It was ended in the middle of what it sent.
  }
  return got;
}

const LATE = [
  ["says nothing", "", ""],
  ["has no end of headers", "GET / HTTP/1.1\r\nhost: localhost\r\n", ""],
  [
    "has no end of its body",
    "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nx",
    "",
  ],
  ["asks nothing more", "GET / HTTP/1.1\r\nhost: localhost\r\n\r\n", "HTTP/1.1 200 OK"],
] as const;

Deno.test("page: a connection that takes too long is ended", async (test) => {
  const due = new Set<() => void>();
  const timer = {
    after: (_: number, run: () => void) => {
      due.add(run);
      return () => void due.delete(run);
    },
  };
  const server = await listen(readPageAddress(""), async ({ method, body }) => {
    if (method === "POST") { for await (const _ of body); }
    return answer("done", {});
  }, timer);
  for (const [what, text, answered] of LATE) {
    await test.step(what, async () => {
      const connection = await Deno.connect({ hostname: server.host, port: server.port });
      const got = sent(connection, text);
      await until(() => due.size === 1, "it has its time");
      // What was sent has come, and an answer has gone.
      await new Promise((resolve) => setTimeout(resolve, 50));
      for (const end of due) end();
      assertEquals((await got).split("\r\n")[0], answered);
      await until(() => due.size === 0, "nothing of it is left");
    });
  }
  await server.close();
});

Deno.test("page: more connections than all readers need aren't taken", async () => {
  await using page = await openPlayedPage();
  const { hostname, port } = new URL(page.origin);
  const connections = [];
  for (let count = 0; count < MOST_READERS + 200; count++) {
    connections.push(await Deno.connect({ hostname, port: Number(port) }));
  }
  const last = connections.at(-1);
  const ended = await last?.read(new Uint8Array(1)).catch(() => null);
  assertEquals(ended, null);
  for (const connection of connections) connection.close();
  const response = await fetch(`${page.origin}/report`);
  assertEquals(response.status, 200);
  await response.body?.cancel();
});
