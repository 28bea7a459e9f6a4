import { BrainjarError } from "../../budget/error.ts";
import { PLACEHOLDER_NAMES, wordsInBraces } from "./placeholders.ts";

/** What a jar is told: a prompt file that was read. */
export interface RolePrompt {
  /** Said once, at the beginning of each life; empty for nothing. */
  readonly system: string;
  /** Part of each turn's message, with placeholders; absent for those of the built-in prompt. */
  readonly lines?: readonly string[];
}

/**
 * Bytes of one prompt. A prompt takes at most half as many bytes as its context has tokens, so this
 * is all that a context of 131072 tokens hears; a longer one is another file, a model say.
 */
export const MAX_PROMPT_BYTES = 64 * 1024;

/** What stands between the system message and a turn's lines. */
const SEPARATOR = /^---[ \t]*$/m;

/**
 * Reads a prompt's text: what stands before a line `---` is the system message, each line below is
 * part of every turn's message. Without such a line it is all system message.
 *
 * @param guess What to say of a placeholder that there isn't, for a hint with the near one.
 * @throws {BrainjarError} kind `usage`: `prompt-too-long`, `prompt-not-text`, `prompt-empty`,
 * `prompt-not-split` (no line `---`, and a placeholder that would stand there as it is),
 * `unknown-placeholder`
 *
 * @example
 * ```ts
 * import { parsePrompt } from "./prompt_file.ts";
 * const { system, lines } = parsePrompt("Be a cat.\n---\nTurn {turn}.\nA whisper: {whisper}\n");
 * if (system !== "Be a cat." || lines?.length !== 2) throw new Error("A system message, two lines");
 * ```
 */
export function parsePrompt(
  text: string,
  guess: (given: string, known: readonly string[], rest: string) => string = (_given, _, rest) =>
    rest,
): RolePrompt {
  if (new TextEncoder().encode(text).length > MAX_PROMPT_BYTES) {
    throw new BrainjarError("prompt-too-long", `Prompt has more than ${MAX_PROMPT_BYTES} bytes`, {
      hint: "Shorten it: a prompt takes at most half as many bytes as its context has tokens",
    });
  }
  if (text.includes("\0")) {
    throw new BrainjarError("prompt-not-text", "Prompt is no text: it has a byte 0", {
      hint: "Give a text file in UTF-8",
    });
  }
  const plain = text.replace(/^\ufeff/, "").replaceAll(/\r\n?/g, "\n");
  const separator = SEPARATOR.exec(plain);
  if (separator === null) {
    const system = plain.trim();
    if (system === "") throw emptyPrompt("Prompt is empty");
    const meant = wordsInBraces(system).find(isPlaceholder);
    if (meant === undefined) return { system };
    throw new BrainjarError("prompt-not-split", `Prompt has "{${meant}}" and no line "---"`, {
      hint: "Put --- on a line of its own above the turn's lines: nothing is filled in above it",
    });
  }
  const system = plain.slice(0, separator.index).trim();
  const below = plain.slice(separator.index + separator[0].length);
  const lines = below.split("\n").map((line) => line.trim()).filter((line) => line !== "");
  if (lines.length === 0) throw emptyPrompt('Prompt has no line below "---"');
  for (const word of lines.flatMap(wordsInBraces)) {
    if (isPlaceholder(word)) continue;
    throw new BrainjarError("unknown-placeholder", `Prompt has no placeholder "{${word}}"`, {
      hint: guess(
        word,
        PLACEHOLDER_NAMES,
        `There are ${PLACEHOLDER_NAMES.map((name) => `{${name}}`).join(", ")}`,
      ),
    });
  }
  return { system, lines };
}

/** A prompt as a file has it: reading it gives the same prompt. */
export function promptFileText({ system, lines }: RolePrompt): string {
  return `${[system, ...lines === undefined ? [] : ["---", ...lines]].join("\n")}\n`;
}

function isPlaceholder(word: string): boolean {
  return PLACEHOLDER_NAMES.some((known) => known === word);
}

function emptyPrompt(message: string): BrainjarError {
  return new BrainjarError("prompt-empty", message, {
    hint: "Leave it out for the built-in prompt, which brainjar prompts prints",
  });
}
