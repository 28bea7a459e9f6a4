/** What a line of a prompt may name in braces, and what stands there then. */
export const PLACEHOLDERS = {
  turn: "the turn's number",
  vitals: "the jar's own vital signs: 812 of 1024 tokens left, memory 0.03 GB, 2 deaths",
  its_vitals: "those of the subject that the jar hears: alive, 812 of 1024 tokens left, …",
  times: "how often the jar has died (2 times), in the first turn after a death",
  cause: "what killed it last (your context was full), in the first turn after a death",
  whisper: "what god whispered, once for each whisper",
  other: "what the other subject thought last, where there are two",
  thought: "what the subject thought last, for an observer and a god",
  note: "what the observer noted last, for a god",
} as const;

/** The name of a placeholder. */
export type Placeholder = keyof typeof PLACEHOLDERS;

/** The names of all placeholders. */
export const PLACEHOLDER_NAMES = Object.keys(PLACEHOLDERS) as readonly Placeholder[];

/** What stands for each placeholder; absent or empty where there is nothing to say. */
export type PlaceholderValues = Readonly<Partial<Record<Placeholder, string>>>;

/** A word in braces; braces around anything else are text. */
const IN_BRACES = /\{([A-Za-z_][A-Za-z0-9_-]*)\}/g;

/** The words in braces of a line, as they are written. */
export function wordsInBraces(line: string): string[] {
  return [...line.matchAll(IN_BRACES)].map(([, word = ""]) => word);
}

/** Whether each of a line's placeholders has something to say; a line without any has. */
export function isSaid(line: string, values: PlaceholderValues): boolean {
  const known: Readonly<Record<string, string | undefined>> = values;
  return wordsInBraces(line).every((word) => known[word]);
}

/**
 * A line with what its placeholders stand for.
 *
 * @example
 * ```ts
 * import { fillLine } from "./placeholders.ts";
 * if (fillLine("A whisper: {whisper}", { whisper: "Look." }) !== "A whisper: Look.") throw new Error();
 * ```
 */
export function fillLine(line: string, values: PlaceholderValues): string {
  const known: Readonly<Record<string, string | undefined>> = values;
  return line.replaceAll(IN_BRACES, (_braces, word: string) => known[word] ?? "");
}
