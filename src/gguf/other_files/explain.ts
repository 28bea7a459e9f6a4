import { BrainjarError } from "../../budget/error.ts";
import { isUrl } from "../sources/url.ts";
import { bytePartFault, type DecodeSource } from "./byte_parts.ts";
import { directoryHint, notFoundHint } from "./not_found.ts";

/**
 * What is known of a file that couldn't be read by more than its bytes: by its name, by what lies
 * beside it. The error itself where that is nothing.
 *
 * @param decode Reads a header; for pieces of a file that may be a model together.
 */
export async function explain(
  error: BrainjarError,
  location: string,
  decode: DecodeSource,
): Promise<BrainjarError> {
  switch (error.code) {
    case "model-not-found":
      return isUrl(location) ? error : withHint(error, notFoundHint(location));
    case "gguf-directory":
      return withHint(error, directoryHint(location));
    case "gguf-bad-magic":
    case "gguf-truncated":
    case "gguf-cut-off":
    case "gguf-lying-length":
      return await bytePartFault(location, error, decode) ?? error;
    default:
      return error;
  }
}

function withHint({ code, message, kind, cause }: BrainjarError, hint: string): BrainjarError {
  return new BrainjarError(code, message, { hint, kind, cause });
}
