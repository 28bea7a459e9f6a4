import type { StartDryLoads } from "../engine/dry_load_process.ts";
import { loadModule } from "../load_module.ts";
import { jsonText } from "../report/printable.ts";
import type { Output } from "./terminal/output.ts";

/** The word that has this program answer dry loads on its standard streams; nobody types it. */
export const ANSWER_DRY_LOADS = "answer-dry-loads";

/**
 * What starts this very program once more, to answer dry loads or as a jar: the command line that
 * started it, with another word. Nothing where a system doesn't tell (all but Linux), or tells something else.
 *
 * Paths among the words are meant from the folder of this moment, so it is made when the program
 * starts; the command line is read when somebody asks.
 *
 * @param args the words that it was started with
 * @param word what it is to do
 */
export function ownCommand(
  args: readonly string[],
  read: () => string = () => Deno.readTextFileSync("/proc/self/cmdline"),
  word: string = ANSWER_DRY_LOADS,
): StartDryLoads {
  const folder = Deno.cwd();
  return () => {
    let words: string[];
    try {
      words = read().replace(/\0$/, "").split("\0");
    } catch {
      return undefined;
    }
    const own = words.length - args.length;
    if (own < 1 || args.some((arg, index) => words[own + index] !== arg)) return undefined;
    return { words: [Deno.execPath(), ...words.slice(1, own), word], folder };
  };
}

/** Answers dry loads where these words ask for it; false where they ask for anything else. */
export async function answersDryLoads(args: readonly string[], output: Output): Promise<boolean> {
  if (args[0] !== ANSWER_DRY_LOADS) return false;
  const { answerDryLoads } = await loadModule<typeof import("../engine/answer_dry_loads.ts")>(
    import.meta,
    "../engine/answer_dry_loads.ts",
  );
  await answerDryLoads(Deno.stdin.readable, (answer) => output.answer(`${jsonText(answer)}\n`));
  return true;
}
