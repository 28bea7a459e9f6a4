/** What a server did. */
export interface Log {
  readonly ranges: string[];
  sent: number;
}

export type Handler = (request: Request, log: Log) => Response | Promise<Response>;

/** Answers a range of the file, as a good server does. */
export function rangeOf(file: Uint8Array<ArrayBuffer>, request: Request, log: Log): Response {
  const range = request.headers.get("range") ?? "";
  log.ranges.push(range);
  const match = /^bytes=(\d+)-(\d+)$/.exec(range);
  if (match === null) return new Response(file);
  const first = Number(match[1]);
  const last = Math.min(Number(match[2]), file.length - 1);
  if (first > last) {
    return new Response(null, {
      status: 416,
      headers: { "content-range": `bytes */${file.length}` },
    });
  }
  log.sent += last - first + 1;
  return new Response(file.subarray(first, last + 1), {
    status: 206,
    headers: { "content-range": `bytes ${first}-${last}/${file.length}`, etag: '"1"' },
  });
}

/** Serves on loopback for as long as the test runs. */
export async function serving(
  handler: Handler,
  test: (origin: string, log: Log) => Promise<unknown>,
): Promise<void> {
  const log: Log = { ranges: [], sent: 0 };
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {}, onError: () => new Response(null) },
    (request) => handler(request, log),
  );
  try {
    await test(`http://127.0.0.1:${server.addr.port}`, log);
  } finally {
    await server.shutdown();
  }
}
