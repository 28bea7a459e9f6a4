import { BrainjarError } from "../../budget/error.ts";
import type { Command } from "../brainjar.ts";
import { renderBashCompletions } from "../completions/bash.ts";
import { renderFishCompletions } from "../completions/fish.ts";
import { renderZshCompletions } from "../completions/zsh.ts";
import { didYouMean } from "../flags/did_you_mean.ts";

/** The shells that `brainjar completions` speaks to, each with what it is told. */
export const COMPLETION_SCRIPTS: Readonly<Record<string, () => string>> = {
  bash: renderBashCompletions,
  zsh: renderZshCompletions,
  fish: renderFishCompletions,
};

const SHELLS = Object.keys(COMPLETION_SCRIPTS);

/**
 * `brainjar completions SHELL`: prints the shell's completion script, made from the tables of
 * flags and commands.
 *
 * @throws BrainjarError `missing-operand`, `unexpected-operand`, `unknown-shell`.
 */
export const completions: Command = ({ operands, output }) => {
  output.answer(renderFor(operands));
  return Promise.resolve(0);
};

function renderFor([shell, surplus]: readonly string[]): string {
  if (shell === undefined) {
    throw new BrainjarError("missing-operand", "brainjar completions needs the name of a shell", {
      hint: `Write brainjar completions ${SHELLS.join("|")}`,
    });
  }
  if (surplus !== undefined) {
    throw new BrainjarError("unexpected-operand", `Unexpected "${surplus}" after "${shell}"`, {
      hint: "Print one shell's script at a time",
    });
  }
  const render = Object.hasOwn(COMPLETION_SCRIPTS, shell) ? COMPLETION_SCRIPTS[shell] : undefined;
  if (render === undefined) {
    throw new BrainjarError("unknown-shell", `Unknown shell "${shell}"`, {
      hint: `${didYouMean(shell, SHELLS)} It takes ${SHELLS.join(", ")}`,
    });
  }
  return render();
}
