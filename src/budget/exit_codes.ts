import type { ErrorKind } from "./error.ts";

/** The signals that end a command as asked: Ctrl-C, a polite request, a terminal that was closed. */
export const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** How a command ends: well, with an error of some kind, or by a signal. */
type Ending = "success" | ErrorKind | (typeof STOP_SIGNALS)[number];

/** What each ending's exit code is and says, in the order of help. */
export const EXIT_CODES: Readonly<
  Record<Ending, { readonly code: number; readonly means: string }>
> = {
  success: { code: 0, means: "fits, or the run ended as asked" },
  refused: { code: 1, means: "doesn't fit, or a layer refused" },
  usage: { code: 2, means: "wrong usage, or an input that can't be read" },
  engine: { code: 3, means: "the engine or the run failed, or its transcript isn't whole" },
  // What a process that a signal ended exits with: 128 and the signal's number.
  SIGHUP: { code: 129, means: "its terminal was closed" },
  SIGINT: { code: 130, means: "Ctrl-C" },
  SIGTERM: { code: 143, means: "SIGTERM" },
};

/**
 * The exit code of an ending.
 *
 * @example
 * ```ts
 * import { exitCode } from "./exit_codes.ts";
 * if (exitCode("refused") !== 1) throw new Error("It doesn't fit");
 * ```
 */
export function exitCode(ending: Ending): number {
  return EXIT_CODES[ending].code;
}

/**
 * The exit code of a command that was stopped: by a signal, because whoever read its answer had all
 * of it that was wanted (`"SIGPIPE"`), or by the person who watched it (`"quit"`).
 *
 * @param reason the signal's name; anything else counts as Ctrl-C
 *
 * @example
 * ```ts
 * import { stoppedExitCode } from "./exit_codes.ts";
 * if (stoppedExitCode("SIGTERM") !== 143) throw new Error("128 and the signal's number");
 * if (stoppedExitCode("SIGPIPE") !== 0) throw new Error("It did what was wanted");
 * ```
 */
export function stoppedExitCode(reason: unknown): number {
  if (reason === "SIGPIPE" || reason === "quit") return exitCode("success");
  return exitCode(STOP_SIGNALS.find((name) => name === reason) ?? "SIGINT");
}
