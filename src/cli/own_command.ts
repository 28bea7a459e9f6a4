import type { ProgramStart } from "../engine/dry_load_process.ts";

/** The word that has this program answer dry loads on its standard streams; nobody types it. */
export const ANSWER_DRY_LOADS = "answer-dry-loads";

/**
 * What starts this very program once more, to answer dry loads: the command line that started it,
 * with other words. Nothing where a system doesn't tell (all but Linux), or tells something else.
 *
 * @param args the words that it was started with
 */
export function ownCommand(
  args: readonly string[],
  read: () => string = () => Deno.readTextFileSync("/proc/self/cmdline"),
): ProgramStart | undefined {
  let words: string[];
  try {
    words = read().replace(/\0$/, "").split("\0");
  } catch {
    return undefined;
  }
  const own = words.length - args.length;
  if (own < 1 || args.some((arg, index) => words[own + index] !== arg)) return undefined;
  // Paths among them are meant from the folder in which it was started.
  return {
    words: [Deno.execPath(), ...words.slice(1, own), ANSWER_DRY_LOADS],
    folder: Deno.cwd(),
  };
}
