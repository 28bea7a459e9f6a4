import { assert, assertEquals } from "@std/assert";
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
  for (let look = 0; look < 2000; look++) {
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
