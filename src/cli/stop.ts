import process from "node:process";

/** The two signals that end a run. */
export interface Stop {
  /** Fires on the first Ctrl-C or SIGTERM; its reason is the signal's name. */
  readonly signal: AbortSignal;
  /** Stops listening. */
  close(): void;
}

/** What a process that a signal ended exits with: 128 + the signal's number. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/**
 * Listens for Ctrl-C and SIGTERM. The first asks the run to end and give everything back; the
 * second stops at once (RULES.md, "The run").
 *
 * Through Node's events: a package of the engine's listens there too, and ends the process when it
 * believes that nobody else does.
 */
export function listenForStop(): Stop {
  const controller = new AbortController();
  const handlers = (["SIGINT", "SIGTERM"] as const).map((name) => {
    const handler = () => {
      if (controller.signal.aborted) Deno.exit(EXIT_CODES[name]);
      controller.abort(name);
    };
    process.on(name, handler);
    return { name, handler };
  });
  return {
    signal: controller.signal,
    close: () => {
      for (const { name, handler } of handlers) process.off(name, handler);
    },
  };
}
