import { BrainjarError, messageOf } from "../../budget/error.ts";
import { MAX_PROMPT_BYTES, parsePrompt } from "../../experiment/prompts/prompt_file.ts";
import { expandHome } from "../../gguf/environment.ts";
import { printable } from "../../report/printable.ts";
import { didYouMean } from "../flags/did_you_mean.ts";

/** Where a jar's prompt comes from. */
interface PromptSource {
  /** A path from here, or the text itself. */
  readonly given: string;
  readonly isFile: boolean;
  /** Where a jar file says it; absent for a flag. */
  readonly place?: () => string;
}

/**
 * A jar's prompt as a text that can be read as one.
 *
 * @throws {BrainjarError} kind `usage`: `prompt-not-found`, `prompt-unreadable`, and what
 * `parsePrompt` throws, each with the file or the place in a jar file
 */
export function readPrompt({ given, isFile, place }: PromptSource): string {
  const named = place === undefined ? "" : ` (named at ${place()})`;
  const where = isFile ? `: ${printable(given)}${named}` : ` at ${place?.() ?? "the command line"}`;
  const text = isFile ? readFile(expandHome(given), named) : given;
  try {
    parsePrompt(text, didYouMean);
  } catch (error) {
    if (!(error instanceof BrainjarError)) throw error;
    const { code, message, hint = "" } = error;
    throw new BrainjarError(code, `${message}${where}`, { hint, cause: error });
  }
  return text;
}

function readFile(path: string, named: string): string {
  const unreadable = (why: string, cause?: unknown) =>
    new BrainjarError(
      "prompt-unreadable",
      `Prompt file can't be read: ${printable(path)}${named}`,
      { hint: why, cause },
    );
  try {
    // Opening a FIFO waits for a writer, so what it is comes first.
    if (!Deno.statSync(path).isFile) throw unreadable("It is not a file");
    using file = Deno.openSync(path);
    // One more than is allowed tells that it is too long, whatever it is.
    const bytes = new Uint8Array(MAX_PROMPT_BYTES + 1);
    let length = 0;
    for (let got: number | null = 1; got; length += got ?? 0) {
      got = file.readSync(bytes.subarray(length));
    }
    // A character may be cut at the limit; then it is too long before it is no text.
    const fatal = length <= MAX_PROMPT_BYTES;
    return new TextDecoder("utf-8", { fatal }).decode(bytes.subarray(0, length));
  } catch (cause) {
    if (cause instanceof BrainjarError) throw cause;
    if (cause instanceof Deno.errors.NotFound) {
      throw new BrainjarError(
        "prompt-not-found",
        `Prompt file not found: ${printable(path)}${named}`,
        {
          hint: named === ""
            ? "Check its path; brainjar prompts prints those that are built in"
            : "A jar file's prompts are looked for from its own folder",
          cause,
        },
      );
    }
    if (cause instanceof TypeError) throw unreadable("It is not UTF-8 text", cause);
    throw unreadable(messageOf(cause), cause);
  }
}
