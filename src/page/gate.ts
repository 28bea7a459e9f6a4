import { createHash, timingSafeEqual } from "node:crypto";

/** Who is let in. */
export interface Gate {
  /** What is printed for who may use the buttons. */
  readonly token: string;
  /** Whether reading needs no token: only this machine gets here. */
  readonly isOpenToRead: boolean;
  /** Names beside `localhost` and addresses by which the page is asked for. */
  readonly hosts: readonly string[];
}

/** A request that is refused, and what is said about it. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

/** A token that can't be guessed, as an address can carry it: 144 random bits. */
export function makeToken(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(18));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
}

/**
 * What a request may do: nothing (a {@link Refusal}), read, or use the buttons.
 *
 * Whose name for this machine is in `Host` decides first: a page of others that has its own name lead
 * here (DNS rebinding) is refused. A post comes from this page or from no page at all, and needs the
 * token in a header, which no form can set.
 *
 * @example
 * ```ts
 * import { admit } from "./gate.ts";
 * const gate = { token: "secret", isOpenToRead: true, hosts: [] };
 * const request = new Request("http://localhost/", { headers: { host: "evil.example" } });
 * if (!("status" in admit(request, gate))) throw new Error("Another name");
 * ```
 */
export function admit(
  request: Pick<Request, "method" | "headers">,
  gate: Gate,
): Refusal | { readonly mayControl: boolean } {
  const host = request.headers.get("host") ?? "";
  if (!isOwnHost(host, gate.hosts)) {
    return {
      status: 421,
      code: "other-host",
      message: "This page isn't served under that name; use the address that was printed",
    };
  }
  if (isOfOtherPage(request, host)) {
    return {
      status: 403,
      code: "other-origin",
      message: "Pages of others may ask for nothing here",
    };
  }
  const given = tokenOf(request);
  if (given !== undefined && !isSame(given, gate.token)) {
    return { status: 401, code: "wrong-token", message: "That is not this run's token" };
  }
  const mayControl = given !== undefined;
  const isRead = request.method === "GET" || request.method === "HEAD";
  if (!mayControl && !(isRead && gate.isOpenToRead)) {
    return {
      status: 401,
      code: "no-token",
      message: "This needs the token; open the address that was printed with it",
    };
  }
  return { mayControl };
}

/** Whether a page of another origin is behind it: browsers say so, other programs needn't. */
function isOfOtherPage(
  { headers, method }: Pick<Request, "method" | "headers">,
  host: string,
): boolean {
  const origin = headers.get("origin");
  if (origin !== null) return origin !== `http://${host}`;
  const site = headers.get("sec-fetch-site");
  // A link on another page may lead here; its scripts and frames may not.
  const isVisit = method === "GET" && headers.get("sec-fetch-mode") === "navigate" &&
    headers.get("sec-fetch-dest") === "document";
  return site !== null && site !== "same-origin" && site !== "none" && !isVisit;
}

/** Addresses can't be made to lead elsewhere, names can. Any port: it may have been forwarded. */
function isOwnHost(host: string, names: readonly string[]): boolean {
  if (!/^(\[[\da-f:.]+\]|[\w.-]+)(:\d+)?$/i.test(host)) return false;
  const name = host.replace(/:\d+$/, "").toLowerCase();
  return name === "localhost" || name.startsWith("[") || /^\d{1,3}(\.\d{1,3}){3}$/.test(name) ||
    names.some((own) => own.toLowerCase() === name);
}

function tokenOf({ headers }: Pick<Request, "headers">): string | undefined {
  return /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1];
}

/** In a time that tells nothing of how much of it is right. */
function isSame(given: string, token: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(token));
}
