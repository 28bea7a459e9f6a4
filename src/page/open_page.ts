import type { Viewer, Watched } from "../view/view_event.ts";
import { inUrl, isEveryAddress, isLoopback, type PageAddress } from "./address.ts";
import { answer, refusal } from "./answers.ts";
import { loadAssets } from "./assets.ts";
import { answerControl, isControl } from "./controls_requests.ts";
import { admit, type Gate, makeToken } from "./gate.ts";
import { PageStates } from "./page_state.ts";
import { Readers } from "./readers.ts";
import { type Answered, type Asked, listen } from "./server.ts";
import { Updates } from "./updates.ts";

/** What a page is made of: what it shows and steers, and where it is served. */
interface PageOptions extends Watched {
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

  async function respond(asked: Asked): Promise<Answered> {
    const { path } = asked;
    const asset = assets.get(path);
    // The page itself tells nothing of the run, and can't send its token before it is there.
    const admitted = admit(asked, asset === undefined ? gate : { ...gate, isOpenToRead: true });
    if ("status" in admitted) return refusal(admitted);
    const allowed = methodsOf(path, asset !== undefined);
    if (allowed === undefined) {
      return refusal({ status: 404, code: "not-found", message: "There is nothing here" });
    }
    if (!allowed.includes(asked.method)) {
      const message = `Only ${allowed.join(" and ")} are for this address`;
      return refusal({ status: 405, code: "wrong-method", message }, { allow: allowed.join(", ") });
    }
    if (asset !== undefined) return asset();
    if (path === "/report") {
      return answer(options.report(), { type: "text/plain; charset=utf-8" });
    }
    if (path === "/prompt") return promptOf(asked, admitted.mayControl);
    if (path === "/events") return events(asked, admitted.mayControl);
    const response = await answerControl(asked, controls);
    updates.touch();
    return response;
  }

  function promptOf({ query }: Asked, mayControl: boolean): Response {
    if (!mayControl) {
      return refusal({ status: 401, code: "no-token", message: "A prompt needs the token" });
    }
    const id = query.get("id") ?? "";
    const text = controls.promptOf(id);
    return text === undefined
      ? refusal({ status: 404, code: "no-prompt", message: `Jar "${id}" has no prompt to change` })
      : answer(text, { type: "text/plain; charset=utf-8" });
  }

  function events({ method, headers }: Asked, mayControl: boolean): Answered {
    if (readers.isFull) {
      const message = "As many read along as can; try again later";
      return refusal({ status: 503, code: "too-many-readers", message }, { "retry-after": "5" });
    }
    if (method === "HEAD") return answer(null, { type: "text/event-stream" });
    const lastId = headers.get("last-event-id") ?? undefined;
    return { open: (outlet) => readers.open(outlet, { mayControl }, lastId) };
  }

  const server = await listen(address, respond);
  gate = { token, isOpenToRead: isLoopback(server.host), hosts: [address.host, machineName()] };
  const shown = isEveryAddress(server.host) ? machineAddress(server.host) : address.host;
  const url = `http://${inUrl(shown)}:${server.port}/`;

  return {
    hear: () => updates.touch(),
    show: () => updates.touch(),
    async close() {
      readers.close();
      await server.close();
    },
    ...(gate.isOpenToRead ? { readUrl: url } : {}),
    controlUrl: `${url}#${token}`,
    get readers() {
      return readers.count;
    },
  };
}

/** What is read beside the page's own files. */
const READS: readonly string[] = ["/events", "/prompt", "/report"];

function methodsOf(path: string, isAsset: boolean): readonly string[] | undefined {
  if (isControl(path)) return ["POST"];
  return isAsset || READS.includes(path) ? ["GET", "HEAD"] : undefined;
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
