import { printable } from "./printable.ts";

/** What no shell reads as anything but itself. */
const PLAIN = /^[\w@%+=:,./-]+$/;

/**
 * A word as a POSIX shell takes it for one: quoted where it has to be. A word that no terminal could
 * show is quoted byte by byte (`$'…'`, as bash and zsh read it).
 *
 * @example
 * ```ts
 * import { shellWord } from "./shell_word.ts";
 * if (shellWord("a.gguf") !== "a.gguf") throw new Error("Nothing to quote");
 * if (shellWord("my model's.gguf") !== `'my model'\\''s.gguf'`) throw new Error("One word");
 * if (shellWord("a\nb") !== "$'a\\x0ab'") throw new Error("One line");
 * ```
 */
export function shellWord(word: string): string {
  if (PLAIN.test(word)) return word;
  if (printable(word) === word) return `'${word.replaceAll("'", `'\\''`)}'`;
  const escaped = [...new TextEncoder().encode(word)].map((byte) =>
    byte < 0x20 || byte > 0x7e || byte === 0x27 || byte === 0x5c
      ? `\\x${byte.toString(16).padStart(2, "0")}`
      : String.fromCharCode(byte)
  );
  return `$'${escaped.join("")}'`;
}
