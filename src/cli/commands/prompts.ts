import { BUILT_IN_PROMPTS, PROMPT_NAMES } from "../../experiment/prompts/built_in.ts";
import { PLACEHOLDERS } from "../../experiment/prompts/placeholders.ts";
import type { Command } from "../command.ts";
import { chooseByOperand } from "../flags/operand.ts";

/**
 * `brainjar prompts [NAME]`: prints one built-in prompt as its file, or all of them, each under its
 * name, and what their placeholders stand for.
 *
 * @throws BrainjarError `unexpected-operand`, `unknown-prompt`.
 */
export const command: Command = ({ operands, output }) => {
  if (operands.length > 0) {
    output.answer(chooseByOperand(operands, {
      command: "prompts",
      noun: "prompt",
      choices: BUILT_IN_PROMPTS,
      onlyOne: "Print one prompt at a time, or all of them without a name",
    }));
    return 0;
  }
  const parts = [
    ...PROMPT_NAMES.map((name) => [name, BUILT_IN_PROMPTS[name]]),
    ["placeholders", Object.entries(PLACEHOLDERS).map(lineOf).join("")],
  ];
  output.answer(parts.map(([name, text]) => `== ${name} ==\n${text}`).join("\n"));
  return 0;
};

function lineOf([name, what]: readonly [string, string]): string {
  return `{${name}} ${what}\n`;
}
