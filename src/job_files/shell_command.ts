import { shellWord } from "../report/shell_word.ts";

/** Most characters of a line, but for a word that is longer. */
const WIDTH = 96;

/**
 * A command as lines of a shell script, each word quoted as it needs it, a flag beside its value.
 *
 * @example
 * ```ts
 * import { shellCommand } from "./shell_command.ts";
 * const lines = shellCommand(["brainjar", "check", "--model", "my brain.gguf"]);
 * if (lines.join() !== "brainjar check --model 'my brain.gguf'") throw new Error(lines.join());
 * ```
 */
export function shellCommand(words: readonly string[], indent = "  "): string[] {
  const lines: string[] = [];
  let line = "";
  for (const piece of pieces(words)) {
    if (line !== "" && line.length + piece.length + 1 > WIDTH) {
      lines.push(`${line} \\`);
      line = indent + piece;
    } else line = line === "" ? piece : `${line} ${piece}`;
  }
  return [...lines, line];
}

/** Words that stay on one line: a flag with what follows it. */
function pieces(words: readonly string[]): string[] {
  const found: string[] = [];
  for (const [at, word] of words.entries()) {
    const isValue = !word.startsWith("--") && words[at - 1]?.startsWith("--");
    if (isValue) found.push(`${found.pop()} ${shellWord(word)}`);
    else found.push(shellWord(word));
  }
  return found;
}
