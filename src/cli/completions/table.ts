import { defined } from "../../budget/defined.ts";
import { COMMAND_NAMES, COMMANDS } from "../flags/commands.ts";
import { type FlagDefinition, flagsOf, JAR_NAMES } from "../flags/flags.ts";
import { PLACEHOLDERS } from "../flags/table.ts";

/** What completes a value or an operand: words, or what kind of them; `unknown` no shell can guess. */
export type Completion = readonly string[] | "models" | "files" | "unknown";

/** A flag as it is typed: a per-jar one is there once for each jar. */
export interface CompletedFlag {
  /** With its dashes. */
  readonly name: string;
  readonly help: string;
  /** What stands for the value in help. */
  readonly placeholder: string;
  /** Absent for a switch, and where the value is optional. */
  readonly value?: Completion;
}

/** A command with all that may follow it. */
export interface CompletedCommand {
  readonly name: string;
  readonly help: string;
  readonly flags: readonly CompletedFlag[];
  /** What stands for the operands in help. */
  readonly placeholder: string;
  /** Absent where there are none. */
  readonly operand?: Completion;
}

/** What may stand in a command's place. */
export const PROGRAM_FLAGS: readonly CompletedFlag[] = [
  { name: "--help", help: "Print the commands", placeholder: "" },
  { name: "--version", help: "Print brainjar's version", placeholder: "" },
];

/** The tables of flags and commands as a shell sees them. */
export const COMPLETED_COMMANDS: readonly CompletedCommand[] = [
  ...COMMANDS.map((command) => ({
    name: command.name,
    help: command.summary,
    flags: flagsOf(command.name).flatMap(typedFlags),
    placeholder: command.operands,
    ...(command.operands === "" ? {} : { operand: operandCompletion(command.operands) }),
  })),
  {
    name: "help",
    help: "Tell what a command takes",
    flags: [],
    placeholder: "COMMAND",
    operand: COMMAND_NAMES,
  },
];

function typedFlags(flag: FlagDefinition): CompletedFlag[] {
  const jars = flag.perJar ? JAR_NAMES : [undefined];
  return jars.map((jar) => ({
    name: jar === undefined ? `--${flag.name}` : `--${flag.name}-${jar}`,
    help: jar === undefined ? flag.help : flag.help.replace("one jar", jar),
    placeholder: flag.placeholder ?? PLACEHOLDERS[flag.type] ?? flag.name.toUpperCase(),
    ...defined({ value: valueCompletion(flag) }),
  }));
}

function valueCompletion(
  { type, choices, isOptional }: FlagDefinition,
): Completion | undefined {
  // No shell can tell an optional value from the next word.
  if (type === "switch" || isOptional) return undefined;
  if (type === "pace") return ["full"];
  if (type === "speed") return ["max"];
  if (type === "layers") return ["all", "auto"];
  return choices ?? (type === "model" ? "models" : type === "path" ? "files" : "unknown");
}

/** `MODEL…` and `FILE` name files, `bash|zsh` the words themselves, `TOKEN` nothing that is known. */
function operandCompletion(operands: string): Completion {
  if (operands.startsWith("MODEL")) return "models";
  if (operands === "FILE") return "files";
  return operands.includes("|") ? operands.replaceAll(/[[\]]/g, "").split("|") : "unknown";
}

/** A text as one word of bash and zsh. */
export function quote(text: string): string {
  return `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
