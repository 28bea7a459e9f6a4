/** Who is to blame, which decides the exit code (src/budget/README.md, "Exit codes"). */
export type ErrorKind = "usage" | "refused" | "engine";

/** What an error says beside its message. */
export interface ErrorDetails {
  /** What to do about it, a sentence without a full stop. */
  readonly hint?: string;
  /** The error underneath. */
  readonly cause?: unknown;
  /** `usage` (exit 2) unless told otherwise. */
  readonly kind?: ErrorKind;
}

/**
 * An error that a person can act on: a stable `code` for programs, a sentence that quotes the
 * value, a hint that says what to do.
 *
 * It lives in `budget`, the lowest folder, because every other folder throws it.
 *
 * @example
 * ```ts
 * import { BrainjarError } from "./error.ts";
 * const error = new BrainjarError("model-not-found", "Model file not found: a.gguf", {
 *   hint: "Check the path given to --model",
 * });
 * if (error.kind !== "usage") throw error;
 * ```
 */
export class BrainjarError extends Error {
  /** Told apart from other errors by this name, or by `instanceof`. */
  override readonly name = "BrainjarError";
  /** Stable: what programs go by. */
  readonly code: string;
  /** What to do about it. */
  readonly hint: string | undefined;
  /** Whose fault it is; decides the exit code. */
  readonly kind: ErrorKind;

  /** An error with a stable code and one sentence, without a full stop. */
  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.kind = details.kind ?? "usage";
  }
}

/**
 * What anything that was thrown says.
 *
 * @example
 * ```ts
 * import { messageOf } from "./error.ts";
 * if (messageOf(new Error("Broken")) !== "Broken" || messageOf(7) !== "7") throw new Error();
 * ```
 */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The first line of it. */
export function lineOf(error: unknown): string {
  return messageOf(error).split("\n", 1)[0] ?? "";
}
