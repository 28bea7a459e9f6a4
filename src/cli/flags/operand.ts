import { BrainjarError } from "../../budget/error.ts";
import type { CommandName } from "./commands.ts";
import { didYouMean } from "./did_you_mean.ts";

/** What the one operand of a command may be. */
interface OperandChoices<Choice> {
  readonly command: CommandName;
  /** What an operand names: `shell`. */
  readonly noun: string;
  readonly choices: Readonly<Record<string, Choice>>;
  /** What to do instead of naming two. */
  readonly onlyOne: string;
}

/**
 * What a command's one operand names.
 *
 * @throws {BrainjarError} `missing-operand`, `unexpected-operand`, and `unknown-` with the noun.
 */
export function chooseByOperand<Choice>(
  [name, surplus]: readonly string[],
  { command, noun, choices, onlyOne }: OperandChoices<Choice>,
): Choice {
  const names = Object.keys(choices);
  if (name === undefined) {
    throw new BrainjarError(
      "missing-operand",
      `brainjar ${command} needs the name of a ${noun}`,
      { hint: `Write brainjar ${command} ${names.join("|")}` },
    );
  }
  if (surplus !== undefined) {
    throw new BrainjarError("unexpected-operand", `Unexpected "${surplus}" after "${name}"`, {
      hint: onlyOne,
    });
  }
  const choice = Object.hasOwn(choices, name) ? choices[name] : undefined;
  if (choice === undefined) {
    throw new BrainjarError(`unknown-${noun}`, `Unknown ${noun} "${name}"`, {
      hint: didYouMean(name, names, `It takes ${names.join(", ")}`),
    });
  }
  return choice;
}

/**
 * The one file that a command is given.
 *
 * @throws {BrainjarError} `missing-operand`, `unexpected-operand`.
 */
export function onlyFile([file, surplus]: readonly string[], command: CommandName): string {
  if (file === undefined) {
    throw new BrainjarError("missing-operand", `brainjar ${command} needs a file`, {
      hint: `Write brainjar ${command} FILE; run --log FILE writes one`,
    });
  }
  if (surplus !== undefined) {
    throw new BrainjarError("unexpected-operand", `Unexpected "${surplus}" after "${file}"`, {
      hint: "Earlier parts of a transcript (FILE.1, FILE.2, …) are found beside it",
    });
  }
  return file;
}
