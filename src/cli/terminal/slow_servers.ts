import { MODEL_TIMEOUT_MILLISECONDS } from "../../gguf/limits.ts";
import { isUrl, shownUrl } from "../../gguf/sources/url.ts";
import type { Host } from "../../plan/host.ts";
import type { Output } from "./output.ts";

/** Most servers have answered by then. */
const SLOW_MILLISECONDS = 1000;

/** The host, with a line at a terminal for each model that a server is slow to send. */
export function tellSlowServers(
  host: Host,
  output: Pick<Output, "interactive" | "say">,
  slowMilliseconds = SLOW_MILLISECONDS,
): Host {
  if (!output.interactive) return host;
  const told = async <Model>(given: string, reading: Promise<Model>): Promise<Model> => {
    if (!isUrl(given)) return await reading;
    const timer = setTimeout(() => {
      const seconds = MODEL_TIMEOUT_MILLISECONDS / 1000;
      output.say(`Reading ${shownUrl(given)}; it is given up after ${seconds} s in all\n`);
    }, slowMilliseconds);
    try {
      return await reading;
    } finally {
      clearTimeout(timer);
    }
  };
  return {
    ...host,
    readModel: (given) => told(given, host.readModel(given)),
    readRunnable: (given) => told(given, host.readRunnable(given)),
  };
}
