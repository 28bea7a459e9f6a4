import type { Command } from "../command.ts";
import { renderBashCompletions } from "../completions/bash.ts";
import { renderFishCompletions } from "../completions/fish.ts";
import { renderZshCompletions } from "../completions/zsh.ts";
import { chooseByOperand } from "../flags/operand.ts";

/** The shells that `brainjar completions` has a script for. */
export const COMPLETION_SCRIPTS: Readonly<Record<string, () => string>> = {
  bash: renderBashCompletions,
  zsh: renderZshCompletions,
  fish: renderFishCompletions,
};

/**
 * `brainjar completions SHELL`: prints the shell's completion script, made from the tables of
 * flags and commands.
 *
 * @throws BrainjarError `missing-operand`, `unexpected-operand`, `unknown-shell`.
 */
export const command: Command = ({ operands, output }) => {
  const render = chooseByOperand(operands, {
    command: "completions",
    noun: "shell",
    choices: COMPLETION_SCRIPTS,
    onlyOne: "Print one shell's script at a time",
  });
  output.answer(render());
  return 0;
};
