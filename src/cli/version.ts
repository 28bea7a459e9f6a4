import configuration from "../../deno.json" with { type: "json" };

/** brainjar's own version, from deno.json. */
export function version(): string {
  return configuration.version;
}
