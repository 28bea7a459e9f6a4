/**
 * A path as one word of a shell's command line, in quotes only where it needs them.
 *
 * @example
 * ```ts
 * import { shellWord } from "./shell_word.ts";
 * if (shellWord("a/m.gguf") !== "a/m.gguf" || shellWord("my m.gguf") !== "'my m.gguf'") {
 *   throw new Error("Quotes where they are needed");
 * }
 * ```
 */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
