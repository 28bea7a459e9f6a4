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
  }
  /** A shell's line with placeholders in it. */
  | { readonly kind: "line"; readonly line: string };

/** How long a command that somebody wrote may take to start a jar, in seconds. */
export const LINE_START_SECONDS = 600;

/**
 * What `--launcher` asks for; nothing where it is `in-process`. A name of the table stands alone or
 * before the words that it is to have (`slurm --partition=long`, `ssh HOST`); anything with spaces or
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
    if (rest.length > 0 || text.includes("{")) return { kind: "line", line: checkedLine(text) };
    const names = [IN_PROCESS, ...LAUNCHERS.map((one) => one.name)];
    throw new BrainjarError("unknown-launcher", `There is no launcher "${name}"`, {
      hint: guess(
        name,
        names,
        `There are ${names.join(", ")}, and commands with {command} in them`,
      ),
    });
  }
  if (/["'\\$`]/.test(text)) {
    throw new BrainjarError("launcher-operand", `Launcher "${name}" takes plain words: ${text}`, {
      hint:
        "What has quotes or variables in it is written whole, with {command} where the jar stands",
    });
  }
  const { operand } = launcher;
  if (operand === undefined) return { kind: "known", launcher, operand: "", words: rest };
  const given = rest.at(-1);
  if (given === undefined || given.startsWith("-")) {
    throw new BrainjarError("launcher-operand", `Launcher "${name}" needs ${operand} after it`, {
      hint: `Write --launcher "${name} ${operand}", options between them`,
    });
  }
  return { kind: "known", launcher, operand: given, words: rest.slice(0, -1) };
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
