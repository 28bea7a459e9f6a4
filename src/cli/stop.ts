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
 */
export function listenForStop(): Stop {
  const controller = new AbortController();
  const handlers = (Object.keys(EXIT_CODES) as (keyof typeof EXIT_CODES)[])
    // Windows knows no SIGTERM.
    .filter((name) => name === "SIGINT" || Deno.build.os !== "windows")
    .map((name) => {
      const handler = () => {
        if (controller.signal.aborted) Deno.exit(EXIT_CODES[name]);
        controller.abort(name);
      };
      Deno.addSignalListener(name, handler);
      return { name, handler };
    });
  return {
    signal: controller.signal,
    close: () => {
      for (const { name, handler } of handlers) Deno.removeSignalListener(name, handler);
    },
  };
}
