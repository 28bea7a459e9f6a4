import type { Environment } from "../environment.ts";

const HUB = "https://huggingface.co";

/**
 * Where the hub is: its own host, and the mirror that `HF_ENDPOINT` names. Only over https; a mirror
 * on this machine itself may do without.
 */
export function hubOrigins(environment: Environment): string[] {
  const endpoint = environment("HF_ENDPOINT")?.trim() ?? "";
  if (!URL.canParse(endpoint)) return [HUB];
  const { protocol, hostname, origin } = new URL(endpoint);
  const isHere = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
  return protocol === "https:" || (protocol === "http:" && isHere) ? [HUB, origin] : [HUB];
}

/**
 * The header that says to the hub who asks, by `HF_TOKEN`: for a URL that was given and what it leads
 * to on the very same host. After a redirect to anywhere else nothing is said, on the way back
 * neither.
 *
 * @param hops The URL that was given, and those it was redirected to so far.
 *
 * @example
 * ```ts
 * import { hubAuthorization } from "./hub_token.ts";
 * const environment = (name: string) => name === "HF_TOKEN" ? "secret" : undefined;
 * const hub = "https://huggingface.co/org/repo/resolve/main/m.gguf";
 * if (hubAuthorization([hub], environment).authorization !== "Bearer secret") throw new Error("hub");
 * const away = [hub, "https://elsewhere.example/m.gguf"];
 * if (hubAuthorization(away, environment).authorization !== undefined) throw new Error("away");
 * ```
 */
export function hubAuthorization(
  hops: readonly string[],
  environment: Environment,
): { readonly authorization?: string } {
  const token = environment("HF_TOKEN")?.trim() ?? "";
  // What can't stand in a header would be quoted by the error about it.
  if (!/^[\x21-\x7e]+$/.test(token)) return {};
  const origins = hubOrigins(environment);
  const first = new URL(hops[0] ?? HUB).origin;
  const stays = hops.every((hop) => new URL(hop).origin === first);
  return origins.includes(first) && stays ? { authorization: `Bearer ${token}` } : {};
}
