import { BrainjarError } from "../budget/error.ts";
import { MAX_HEADER_BYTES, MAX_QUOTED_CHARACTERS } from "./limits.ts";

/** What can be wrong with a model file, or with a name of one. */
type GgufFaultCode =
  | "model-not-found"
  | "model-ambiguous"
  | "gguf-directory"
  | "gguf-not-a-file"
  | "gguf-empty"
  | "gguf-unreadable"
  | "gguf-read-failed"
  | "gguf-bad-magic"
  | "gguf-unfinished"
  | "gguf-byte-part"
  | "gguf-version"
  | "gguf-cut-off"
  | "gguf-lying-length"
  | "gguf-too-large"
  | "gguf-key"
  | "gguf-value-type"
  | "gguf-nesting"
  | "gguf-duplicate-key"
  | "gguf-alignment"
  | "gguf-tensor-name"
  | "gguf-tensor-type"
  | "gguf-dimensions"
  | "gguf-duplicate-tensor"
  | "gguf-tensor-offset"
  | "gguf-truncated"
  | "gguf-split-name"
  | "gguf-split-missing"
  | "gguf-split-mismatch"
  | "gguf-http-failed"
  | "gguf-http-status"
  | "gguf-http-no-ranges"
  | "gguf-http-page"
  | "gguf-http-changed"
  | "gguf-http-cut-off"
  | "gguf-http-timeout";

/** An error about a model file: wrong usage, with what to do about it. */
export function fault(
  code: GgufFaultCode,
  message: string,
  hint: string,
  cause?: unknown,
): BrainjarError {
  return new BrainjarError(code, message, cause === undefined ? { hint } : { hint, cause });
}

/** What to do about a file that contradicts itself. */
export const CORRUPT_HINT = "The file is damaged or was written wrongly: download it again";

/** The error about a file that contradicts itself; `what` goes on from "Model file PATH". */
export function corrupt(
  { source }: { readonly source: { readonly path: string } },
  code: GgufFaultCode,
  what: string,
): BrainjarError {
  return fault(code, `Model file ${source.path} ${what}`, CORRUPT_HINT);
}

/** The error about a header that doesn't end within `MAX_HEADER_BYTES`. */
export function headerTooLarge(path: string, place: string): BrainjarError {
  return fault(
    "gguf-too-large",
    `The header of ${path} is longer than ${MAX_HEADER_BYTES} bytes, in ${place}`,
    CORRUPT_HINT,
  );
}

/** What to do about a file that ends too early. */
export const INCOMPLETE_HINT = "The download is incomplete: download the file again";

/**
 * A value from a file as an error may show it: in quotes, on one line, with everything escaped that
 * a terminal would act on, cut where it gets long.
 */
export function quote(text: string): string {
  const cut = text.length > MAX_QUOTED_CHARACTERS
    ? `${text.slice(0, MAX_QUOTED_CHARACTERS)}…`
    : text;
  return JSON.stringify(cut).replace(
    /[\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
