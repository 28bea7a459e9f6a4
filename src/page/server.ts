import {
  createServer,
  type IncomingMessage,
  type Server as HttpServer,
  type ServerResponse,
} from "node:http";
import type { Socket } from "node:net";
import { listenFailure, type PageAddress } from "./address.ts";
import { refusal, SECURITY_HEADERS } from "./answers.ts";
import { MOST_READERS, type Outlet, type Reader } from "./readers.ts";
import { systemTimer, type Timer } from "./updates.ts";

/** What is asked for. */
export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Headers;
  readonly body: AsyncIterable<Uint8Array>;
}

/** What is answered: all at once, or by what goes on as long as somebody reads. */
export type Answered = Response | { readonly open: (outlet: Outlet) => Reader };

/** A server that listens. */
interface Server {
  readonly host: string;
  readonly port: number;
  /** Ends it: who hasn't read the rest by then doesn't get it. */
  close(): Promise<void>;
}

/** How long who still reads is waited for when the run is over. */
const CLOSE_MILLISECONDS = 500;

/** How long a connection may take until its next request is there and answered. */
const REQUEST_MILLISECONDS = 10_000;

/**
 * Connections at once, those of all readers and some more: what each takes of the files that a process
 * may have open is what the run has no longer.
 */
const MOST_CONNECTIONS = MOST_READERS + 100;

const MOST_HEADER_BYTES = 16 * 1024;

/**
 * Listens at an address. It is node's server, since that one can end a connection at once: Deno's own
 * keeps it, and what was written to it, until whoever doesn't read it goes away.
 *
 * @throws {BrainjarError} `page-port-in-use`, `page-port-not-allowed` or `page-host-not-here`
 */
export async function listen(
  address: PageAddress,
  respond: (asked: Asked) => Answered | Promise<Answered>,
  timer: Timer = systemTimer,
): Promise<Server> {
  const deadlines = new Deadlines(timer);
  const server = createServer(
    { maxHeaderSize: MOST_HEADER_BYTES },
    (incoming, outgoing) => answer(incoming, outgoing, { respond, deadlines }),
  );
  server.maxConnections = MOST_CONNECTIONS;
  server.on("connection", (socket) => deadlines.set(socket));
  await begun(server, address);
  const bound = server.address();
  if (bound === null || typeof bound === "string") throw new Error("It listens nowhere");
  return {
    host: bound.address,
    port: bound.port,
    close: () => closed(server),
  };
}

function begun(server: HttpServer, address: PageAddress): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", (error) => reject(listenFailure(address, error)));
  server.listen({ host: address.host, port: address.port }, () => resolve());
  return promise;
}

function closed(server: HttpServer): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const late = setTimeout(() => server.closeAllConnections(), CLOSE_MILLISECONDS);
  server.close(() => {
    clearTimeout(late);
    resolve();
  });
  server.closeIdleConnections();
  return promise;
}

/** Ends connections that are late: node's server has timeouts for that, which Deno's of it doesn't heed. */
class Deadlines {
  readonly #timer: Timer;
  readonly #lifts = new WeakMap<Socket, () => void>();

  constructor(timer: Timer) {
    this.#timer = timer;
  }

  /** From now on it has its time again. */
  set(socket: Socket): void {
    if (!this.#lifts.has(socket)) socket.once("close", () => this.lift(socket));
    this.lift(socket);
    if (socket.destroyed) return;
    this.#lifts.set(socket, this.#timer.after(REQUEST_MILLISECONDS, () => socket.destroy()));
  }

  /** It has all the time that it wants. */
  lift(socket: Socket): void {
    this.#lifts.get(socket)?.();
  }
}

async function answer(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { respond, deadlines }: {
    readonly respond: (asked: Asked) => Answered | Promise<Answered>;
    readonly deadlines: Deadlines;
  },
): Promise<void> {
  const { socket } = incoming;
  // Whoever goes away in the middle of it isn't told anything.
  incoming.on("error", () => {});
  outgoing.on("error", () => {});
  // A connection that were ended just when a browser sends what a person pressed would lose it.
  outgoing.shouldKeepAlive = false;
  const answered = await Promise.resolve()
    .then(() => respond(asked(incoming)))
    .catch(() =>
      refusal({ status: 500, code: "internal", message: "The page couldn't answer that" })
    );
  if (outgoing.destroyed) return;
  if (answered instanceof Response) {
    const body = await answered.bytes();
    outgoing.writeHead(answered.status, {
      ...Object.fromEntries(answered.headers),
      ...(answered.status === 204 ? {} : { "content-length": body.length }),
    });
    outgoing.once("finish", () => deadlines.set(socket));
    outgoing.end(incoming.method === "HEAD" ? undefined : body);
    // What was too long isn't read to its end.
    if (answered.status === 413) outgoing.once("finish", () => incoming.destroy());
    return;
  }
  deadlines.lift(socket);
  outgoing.writeHead(200, { ...SECURITY_HEADERS, "content-type": "text/event-stream" });
  const reader = answered.open({
    write: (bytes) => outgoing.write(bytes),
    end: () => outgoing.end(),
    destroy: () => outgoing.destroy(),
  });
  outgoing.on("drain", () => reader.drained());
  outgoing.on("close", () => reader.left());
}

function asked(incoming: IncomingMessage): Asked {
  const { method = "", url: target = "", headers } = incoming;
  // A path alone: with two slashes it would name another host.
  const url = URL.parse(`http://page${target.startsWith("/") ? target : `/${target}`}`);
  const entries = Object.entries(headers).flatMap(([name, value]): [string, string][] =>
    value === undefined ? [] : [[name, String(value)]]
  );
  return {
    method,
    path: url?.pathname ?? "",
    query: url?.searchParams ?? new URLSearchParams(),
    headers: new Headers(entries),
    body: incoming,
  };
}
