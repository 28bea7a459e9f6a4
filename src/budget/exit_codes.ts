import type { ErrorKind } from "./error.ts";

/** How a command ends: well, with an error of some kind, or by a signal. */
export type Ending = "success" | ErrorKind | "SIGINT" | "SIGTERM";

/** What each ending's exit code is and says, in the order of help. */
export const EXIT_CODES: Readonly<
  Record<Ending, { readonly code: number; readonly means: string }>
> = {
  success: { code: 0, means: "fits, or the run ended as asked" },
  refused: { code: 1, means: "doesn't fit, or a layer refused" },
  usage: { code: 2, means: "wrong usage, or an input that can't be read" },
  engine: { code: 3, means: "the engine or the run failed" },
  // What a process that a signal ended exits with: 128 and the signal's number.
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
