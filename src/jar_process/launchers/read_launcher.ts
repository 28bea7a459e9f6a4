import { BrainjarError } from "../../budget/error.ts";
import { PLACEHOLDERS } from "./fill_template.ts";
import type { Launcher } from "./launcher.ts";
import { IN_PROCESS, LAUNCHERS } from "./table.ts";

/** A launcher as somebody asked for it. */
export type LauncherChoice =
  /** One of the table, with what stood after its name. */
  | {
    readonly kind: "known";
    readonly launcher: Launcher;
    readonly operand: string;
    readonly words: readonly string[];
    /** What starts brainjar there, where it isn't what the launcher would take. */
    readonly command?: string;
  }
  /** A shell's line with placeholders in it. */
  | { readonly kind: "line"; readonly line: string };

/** How long a command that somebody wrote may take to start a jar, in seconds. */
export const LINE_START_SECONDS = 600;

/**
 * What `--launcher` asks for; nothing where it is `in-process`. A name of the table stands alone or
 * before the words that it is to have (`slurm --partition=long`, `ssh -p 2222 HOST`), and what starts
 * brainjar there may follow (`ssh HOST -- ~/bin/brainjar jar`); anything else with spaces or with
 * {command} in it is a command of one's own.
 *
 * @param guess what to say of a name that there isn't
 * @throws {BrainjarError} kind `usage`: `unknown-launcher`, `launcher-operand`,
 * `unknown-placeholder`
 *
 * @example
 * ```ts
 * import { readLauncher } from "./read_launcher.ts";
 * if (readLauncher("in-process") !== undefined) throw new Error("Nothing is started");
 * const slurm = readLauncher("slurm --partition=long");
 * if (slurm?.kind !== "known" || slurm.words[0] !== "--partition=long") throw new Error("Its words");
 * if (readLauncher("qrsh -l h_vmem={memory} {command}")?.kind !== "line") throw new Error("A line");
 * ```
 */
export function readLauncher(
  text: string,
  guess: (given: string, known: readonly string[], rest: string) => string = (_given, _, rest) =>
    rest,
): LauncherChoice | undefined {
  const [name = "", ...rest] = text.trim().split(/\s+/);
  if (name === IN_PROCESS && rest.length === 0) return undefined;
  const launcher = LAUNCHERS.find((one) => one.name === name);
  if (launcher === undefined || text.includes("{")) {
    const isLine = name !== IN_PROCESS && rest.length > 0 || text.includes("{");
    if (isLine) return { kind: "line", line: checkedLine(text) };
    const names = [IN_PROCESS, ...LAUNCHERS.map((one) => one.name)];
    throw new BrainjarError("unknown-launcher", `There is no launcher "${text.trim()}"`, {
      hint: guess(
        name,
        names,
        `There are ${names.join(", ")}, and commands with {command} in them`,
      ),
    });
  }
  return { kind: "known", launcher, ...partsOf(launcher, text.trim().slice(name.length)) };
}

/** What has quotes or variables in it is for a shell. */
const WHOLE =
  "What has quotes or variables in it is written whole, with {command} where the jar stands";

/** Its options, its operand as the last of them, and after -- what starts brainjar there. */
function partsOf({ name, operand, template, isShell }: Launcher, text: string) {
  const [given = "", behind] = text.split(/\s--(?=\s|$)(.*)/s, 2);
  const command = behind?.trim();
  // What is for a shell on the other side, that one reads.
  const plain = isShell ? given : text;
  if (/["'\\$`]/.test(plain)) {
    throw wrongWords(`Launcher "${name}" takes plain words: ${plain.trim()}`, WHOLE);
  }
  if (command === "") {
    throw wrongWords(`Launcher "${name}" has nothing after --`, exampleOf(name, operand));
  }
  const words = given.split(/\s+/).filter((word) => word !== "");
  const end = command === undefined ? {} : { command };
  if (operand === undefined) {
    if (text.trim() === "" || template.includes("{words}")) return { operand: "", words, ...end };
    throw wrongWords(`Launcher "${name}" takes no options: ${text.trim()}`, WHOLE);
  }
  const last = words.at(-1);
  if (last === undefined || last.startsWith("-")) {
    throw wrongWords(
      `Launcher "${name}" needs ${operand} after it`,
      `Write --launcher "${name} ${operand}", options between them`,
    );
  }
  // An option may have its value in a word of its own, never in two.
  const isOption = (word = "") => word.startsWith("-");
  const first = words.findIndex((word, index) => !isOption(word) && !isOption(words[index - 1]));
  if (first >= 0 && first < words.length - 1) {
    throw wrongWords(
      `Launcher "${name}" takes options and then ${operand}: ${words.slice(first).join(" ")}`,
      `What starts brainjar there stands after --: ${exampleOf(name, operand)}`,
    );
  }
  return { operand: last, words: words.slice(0, -1), ...end };
}

function exampleOf(name: string, operand = ""): string {
  return `--launcher "${`${name} ${operand}`.trim()} -- /opt/brainjar jar"`;
}

function wrongWords(message: string, hint: string): BrainjarError {
  return new BrainjarError("launcher-operand", message, { hint });
}

function checkedLine(line: string): string {
  for (const [all, name = ""] of line.matchAll(/\{([a-z-]+)\}/g)) {
    if (PLACEHOLDERS.includes(name)) continue;
    throw new BrainjarError(
      "unknown-placeholder",
      `Launcher has no placeholder "${all}": ${line}`,
      {
        hint: `There are ${PLACEHOLDERS.map((one) => `{${one}}`).join(", ")}`,
      },
    );
  }
  return line;
}
