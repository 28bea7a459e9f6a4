import { BrainjarError } from "../budget/error.ts";

/** Where a page is served. */
export interface PageAddress {
  /** A name or an address, IPv6 without brackets. */
  readonly host: string;
  /** 0: one that is free. */
  readonly port: number;
}

/** This machine alone, and a port that nobody has. */
const DEFAULT: PageAddress = { host: "127.0.0.1", port: 0 };

const LAST_PORT = 65_535;

const HINT = "Write a port, a host, or both: 8080, localhost, 127.0.0.1:8080, [::1]:8080";

/**
 * The address that `--web` names: nothing, `PORT`, `:PORT`, `HOST` or `HOST:PORT`. Without a host it
 * is this machine alone, also as `:PORT`; without a port it is one that is free.
 *
 * @throws {BrainjarError} `invalid-page-address`
 *
 * @example
 * ```ts
 * import { readPageAddress } from "./address.ts";
 * const { host, port } = readPageAddress("[::1]:8080");
 * if (host !== "::1" || port !== 8080) throw new Error(`${host} ${port}`);
 * if (readPageAddress("8080").host !== "127.0.0.1") throw new Error("This machine alone");
 * ```
 */
export function readPageAddress(text: string): PageAddress {
  if (/^\w+:\/\//.test(text)) throw invalid(text, "it is a URL", HINT);
  const parts = /^(?:(\[[^\]]*\]|[^:[\]]*):)?(\d+)$/.exec(text);
  const host = parts === null ? text : parts[1] ?? "";
  const port = parts === null ? DEFAULT.port : Number(parts[2]);
  if (port > LAST_PORT) throw invalid(text, `there is no port ${parts?.[2]}`, HINT);
  return { host: host === "" ? DEFAULT.host : readHost(text, host), port };
}

function readHost(text: string, host: string): string {
  if (/^[^[]*:[^[]*:/.test(host)) {
    throw invalid(
      text,
      "its parts can't be told apart",
      "Write an IPv6 address in brackets: [::1]:8080",
    );
  }
  if (host.includes(":") && !host.startsWith("[")) {
    throw invalid(text, `"${host.replace(/^[^:]*:/, "")}" is no port`, HINT);
  }
  const isWritable = /^(\[[\da-f:.]+\]|\w[\w.-]*)$/i.test(host) && host.length <= 253;
  const url = isWritable ? URL.parse(`http://${host}/`) : null;
  if (url === null) throw invalid(text, `"${host}" is no host`, HINT);
  return url.hostname.replace(/^\[|\]$/g, "");
}

function invalid(text: string, why: string, hint: string): BrainjarError {
  return new BrainjarError(
    "invalid-page-address",
    `The page can't be served at "${text}": ${why}`,
    { hint },
  );
}

/**
 * Whether only this machine reaches an address, as the system writes it.
 *
 * @example
 * ```ts
 * import { isLoopback } from "./address.ts";
 * if (!isLoopback("127.0.0.53") || !isLoopback("::1")) throw new Error("This machine");
 * if (isLoopback("0.0.0.0") || isLoopback("127.evil.example")) throw new Error("Anybody");
 * ```
 */
export function isLoopback(address: string): boolean {
  return address === "::1" || /^(::ffff:)?127(\.\d{1,3}){3}$/.test(address);
}

/** Whether it stands for every address of the machine. */
export function isEveryAddress(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}

/**
 * As a URL has it: IPv6 in brackets.
 *
 * @example
 * ```ts
 * import { inUrl } from "./address.ts";
 * if (inUrl("::1") !== "[::1]" || inUrl("localhost") !== "localhost") throw new Error();
 * ```
 */
export function inUrl(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

/**
 * Why nothing could listen at an address, as an error for people.
 *
 * @example
 * ```ts
 * import { listenFailure } from "./address.ts";
 * const error = listenFailure({ host: "127.0.0.1", port: 8080 }, { code: "EADDRINUSE" });
 * if (error.message !== "Port 8080 of 127.0.0.1 is in use") throw error;
 * ```
 */
export function listenFailure({ host, port }: PageAddress, cause: unknown): BrainjarError {
  const { code } = cause as { readonly code?: unknown };
  if (code === "EADDRINUSE") {
    return new BrainjarError("page-port-in-use", `Port ${port} of ${host} is in use`, {
      hint: "Name another port, or none for one that is free: --web",
      cause,
    });
  }
  if (code === "EACCES") {
    return new BrainjarError("page-port-not-allowed", `Port ${port} is not for this user`, {
      hint: "Ports from 1024 on are for everybody: --web 8080",
      cause,
    });
  }
  return new BrainjarError("page-host-not-here", `This machine has no address "${host}"`, {
    hint: "Name one of its own, or none for this machine alone: --web 8080",
    cause,
  });
}
