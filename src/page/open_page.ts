import type { Viewer, Watched } from "../view/view_event.ts";
import { inUrl, isEveryAddress, isLoopback, listenFailure, type PageAddress } from "./address.ts";
import { answer, refusal } from "./answers.ts";
import { loadAssets } from "./assets.ts";
import { answerControl, CONTROL_PATHS, isControl } from "./controls_requests.ts";
import { admit, type Gate, makeToken } from "./gate.ts";
import { PageStates } from "./page_state.ts";
import { Readers } from "./readers.ts";
import { Updates } from "./updates.ts";

/** What a page is made of: what it shows and steers, and where it is served. */
export interface PageOptions extends Watched {
  readonly address: PageAddress;
}

/** A page that is served. */
export interface Page extends Viewer {
  /** Where anybody on this machine may read; absent where reading needs the token too. */
  readonly readUrl?: string;
  /** Where the buttons are: the address with the token, which browsers send nowhere. */
  readonly controlUrl: string;
  /** Who reads along now. */
  readonly readers: number;
}

/** How long who still reads is waited for when the run is over. */
const CLOSE_MILLISECONDS = 500;

/**
 * Serves a run's page. It listens at once; what it hears it shows to everybody who reads along.
 *
 * @throws {BrainjarError} `page-port-in-use`, `page-port-not-allowed` or `page-host-not-here`
 *
 * @example
 * ```ts
 * import { EMPTY_VIEW } from "../view/run_view.ts";
 * import { readPageAddress } from "./address.ts";
 * import { openPage } from "./open_page.ts";
 * const controls = {
 *   isPaused: false,
 *   pause() {},
 *   resume() {},
 *   kill: () => undefined,
 *   whisper: () => undefined,
 *   promptOf: () => undefined,
 *   setPrompt: () => undefined,
 *   quit() {},
 *   pace: undefined,
 *   setPace() {},
 * };
 * const page = await openPage({
 *   address: readPageAddress(""),
 *   view: () => EMPTY_VIEW,
 *   controls,
 *   report: () => "",
 * });
 * const response = await fetch(page.readUrl ?? "");
 * if (!(await response.text()).includes("<title>")) throw new Error("A page");
 * await page.close();
 * ```
 */
export async function openPage(options: PageOptions): Promise<Page> {
  const { address, controls } = options;
  const states = new PageStates();
  const updates = new Updates(() => states.of(options.view(), controls));
  const readers = new Readers(updates);
  const assets = await loadAssets();
  const token = makeToken();
  let gate: Gate = { token, isOpenToRead: false, hosts: [] };
  const stop = new AbortController();

  async function respond(request: Request): Promise<Response> {
    const { pathname: path } = new URL(request.url);
    const allowed = methodsOf(path);
    const asset = assets.get(path);
    // The page itself tells nothing of the run, and can't send its token before it is there.
    const admitted = admit(request, asset === undefined ? gate : { ...gate, isOpenToRead: true });
    if ("status" in admitted) return refusal(admitted);
    if (allowed === undefined) {
      return refusal({ status: 404, code: "not-found", message: "There is nothing here" });
    }
    if (!allowed.includes(request.method)) {
      const message = `Only ${allowed.join(" and ")} are for this address`;
      return refusal({ status: 405, code: "wrong-method", message }, { allow: allowed.join(", ") });
    }
    if (asset !== undefined) return asset();
    if (isControl(path)) {
      const response = await answerControl(request, path, controls);
      updates.touch();
      return response;
    }
    if (path === "/report") {
      return answer(options.report(), { type: "text/plain; charset=utf-8" });
    }
    if (path === "/prompt") return promptOf(request, admitted.mayControl);
    return read(request, admitted.mayControl);
  }

  function promptOf(request: Request, mayControl: boolean): Response {
    if (!mayControl) {
      return refusal({ status: 401, code: "no-token", message: "A prompt needs the token" });
    }
    const id = new URL(request.url).searchParams.get("id") ?? "";
    const text = controls.promptOf(id);
    return text === undefined
      ? refusal({ status: 404, code: "no-prompt", message: `Jar "${id}" has no prompt to change` })
      : answer(text, { type: "text/plain; charset=utf-8" });
  }

  function read(request: Request, mayControl: boolean): Response {
    const headers = { "retry-after": "5" };
    if (readers.isFull) {
      const message = "As many read along as can; try again later";
      return refusal({ status: 503, code: "too-many-readers", message }, headers);
    }
    if (request.method === "HEAD") return answer(null, { type: "text/event-stream" });
    const stream = readers.open({ mayControl }, request.headers.get("last-event-id"));
    return answer(stream, { type: "text/event-stream" });
  }

  const server = listen(address, stop.signal, respond);
  const { hostname: bound, port } = server.addr;
  gate = { token, isOpenToRead: isLoopback(bound), hosts: [address.host, machineName()] };
  const shown = isEveryAddress(bound) ? machineAddress(bound) : address.host;
  const url = `http://${inUrl(shown)}:${port}/`;

  return {
    hear: () => updates.touch(),
    show: () => updates.touch(),
    async close() {
      readers.close();
      const late = setTimeout(() => stop.abort(), CLOSE_MILLISECONDS);
      await server.shutdown();
      clearTimeout(late);
    },
    ...(gate.isOpenToRead ? { readUrl: url } : {}),
    controlUrl: `${url}#${token}`,
    get readers() {
      return readers.count;
    },
  };

  function methodsOf(path: string): readonly string[] | undefined {
    if (isControl(path)) return ["POST"];
    const isRead = assets.has(path) || READS.includes(path);
    return isRead ? ["GET", "HEAD"] : undefined;
  }
}

/** What is read beside the page's own files. */
const READS: readonly string[] = ["/events", "/prompt", "/report"];

/** Everything that can be asked for beside the page's own files. */
export const PATHS: readonly string[] = [...READS, ...CONTROL_PATHS];

function listen(
  address: PageAddress,
  signal: AbortSignal,
  respond: (request: Request) => Promise<Response>,
): Deno.HttpServer<Deno.NetAddr> {
  try {
    return Deno.serve({
      hostname: address.host,
      port: address.port,
      signal,
      // Where it listens is told by who opened it: stdout is for answers.
      onListen: () => {},
      onError: () =>
        refusal({ status: 500, code: "internal", message: "The page couldn't answer that" }),
    }, respond);
  } catch (error) {
    throw listenFailure(address, error);
  }
}

function machineName(): string {
  try {
    return Deno.hostname();
  } catch {
    return "";
  }
}

/** One of the machine's addresses that others may reach it by. */
function machineAddress(bound: string): string {
  const others = Deno.networkInterfaces().filter(({ address }) => !isLoopback(address));
  const family = others.find(({ family }) => family === "IPv4") ?? others[0];
  return family?.address ?? bound;
}
