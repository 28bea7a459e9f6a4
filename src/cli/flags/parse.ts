import { BrainjarError } from "../../budget/error.ts";
import { COMMAND_NAMES, type CommandName } from "./commands.ts";
import { type FlagDefinition, FLAGS, flagsOf, JAR_NAMES, valuePlaceholder } from "./flags.ts";
import { didYouMean } from "./did_you_mean.ts";

/** What was typed, by flag; nothing looked up, nothing converted. */
export interface ParsedFlags {
  /** Values by flag name; `true` for a switch, and where an optional value wasn't typed. */
  readonly values: ReadonlyMap<string, string | true>;
  /** Values of per-jar flags: flag name → jar → value. */
  readonly perJar: ReadonlyMap<string, ReadonlyMap<string, string>>;
  readonly operands: readonly string[];
}

/** A parsed command line; nothing outside of it was read yet. */
type CommandLine =
  | { readonly kind: "command"; readonly command: CommandName; readonly flags: ParsedFlags }
  | { readonly kind: "help"; readonly command?: CommandName }
  | { readonly kind: "version" };

/**
 * Reads the arguments after the program's name.
 *
 * @throws BrainjarError `unknown-command`, `unknown-flag`, `missing-value`, `unexpected-value`,
 * `unexpected-operand`, each with the nearest known word as its hint.
 *
 * @example
 * ```ts
 * import { parseCommandLine } from "./parse.ts";
 * const line = parseCommandLine(["check", "--mode", "matrix"]);
 * if (line.kind !== "command" || line.flags.values.get("mode") !== "matrix") throw new Error();
 * ```
 */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const [first, ...rest] = argv;
  if (first === undefined || first === "--help" || first === "-h") return { kind: "help" };
  if (first === "--version" || first === "-V") return { kind: "version" };
  if (first === "help") {
    const topic = rest[0];
    return topic === undefined ? { kind: "help" } : { kind: "help", command: toCommand(topic) };
  }
  const command = toCommand(first);
  const flags = rest.includes("--") ? rest.slice(0, rest.indexOf("--")) : rest;
  if (flags.includes("--help") || flags.includes("-h")) return { kind: "help", command };
  return { kind: "command", command, flags: parseFlags(command, rest) };
}

function toCommand(word: string): CommandName {
  const command = COMMAND_NAMES.find((name) => name === word);
  if (command !== undefined) return command;
  if (word.startsWith("-")) {
    throw new BrainjarError("unknown-command", `Expected a command before "${word}"`, {
      hint: `Start with one of ${COMMAND_NAMES.join(", ")}`,
    });
  }
  const commands = `Commands are ${COMMAND_NAMES.join(", ")}`;
  throw new BrainjarError("unknown-command", `Unknown command "${word}"`, {
    hint: /\.gguf$|[/:\\]/.test(word)
      ? `Write brainjar check --model ${word}, or brainjar estimate ${word}`
      : didYouMean(word, COMMAND_NAMES, commands),
  });
}

/** Reads `--flag value` and `--flag=value`: `--turns -1` is a bad number, not an unknown flag. */
function parseFlags(command: CommandName, argv: readonly string[]): ParsedFlags {
  const definitions = flagsOf(command);
  const values = new Map<string, string | true>();
  const perJar = new Map<string, Map<string, string>>();
  const operands: string[] = [];
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? "";
    if (argument === "--") {
      operands.push(...argv.slice(index + 1));
      break;
    }
    if (!argument.startsWith("-") || argument === "-") {
      operands.push(argument);
      continue;
    }
    const equals = argument.indexOf("=");
    const typed = equals < 0 ? argument : argument.slice(0, equals);
    const flag = typed.startsWith("--") ? matchFlag(definitions, typed.slice(2)) : undefined;
    if (flag === undefined) throw unknownFlag(command, typed, definitions);
    if (flag.type === "switch") {
      if (equals >= 0) {
        throw new BrainjarError("unexpected-value", `Flag "${typed}" takes no value`, {
          hint: `Write ${typed} alone`,
        });
      }
      values.set(flag.name, true);
      continue;
    }
    if (flag.isOptional && equals < 0 && (argv[index + 1] ?? "-").startsWith("-")) {
      values.set(flag.name, true);
      continue;
    }
    const value = equals < 0 ? argv[++index] : argument.slice(equals + 1);
    if (value === undefined || (equals < 0 && value.startsWith("--"))) {
      throw new BrainjarError("missing-value", `Flag "${typed}" needs a value`, {
        hint: `Write ${typed} ${valuePlaceholder(flag)}`,
      });
    }
    if (flag.perJar) {
      const jars = perJar.get(flag.name) ?? new Map<string, string>();
      perJar.set(flag.name, jars.set(jarOf(flag, typed.slice(2)), value));
    } else values.set(flag.name, value);
  }
  return { values, perJar, operands };
}

/** The definition that a name without dashes belongs to; a per-jar one by its prefix. */
function matchFlag(
  definitions: readonly FlagDefinition[],
  name: string,
): FlagDefinition | undefined {
  const plain = FLAGS.find((flag) => !flag.perJar && flag.name === name);
  // Another command's flag is no jar's: no jar is called "format" in --prompt-format.
  if (plain !== undefined) return definitions.find((flag) => flag === plain);
  return definitions.find((flag) => flag.perJar && jarOf(flag, name) !== "");
}

/** The jar that a per-jar flag's name ends with; empty for another flag's name. */
function jarOf(flag: FlagDefinition, name: string): string {
  return name.startsWith(`${flag.name}-`) ? name.slice(flag.name.length + 1) : "";
}

function unknownFlag(
  command: CommandName,
  typed: string,
  definitions: readonly FlagDefinition[],
): BrainjarError {
  return new BrainjarError("unknown-flag", `Unknown flag "${typed}" for brainjar ${command}`, {
    hint: unknownFlagHint(command, typed, definitions),
  });
}

function unknownFlagHint(
  command: CommandName,
  typed: string,
  definitions: readonly FlagDefinition[],
): string {
  const ofJar = (flag: FlagDefinition) => JAR_NAMES.map((jar) => `--${flag.name}-${jar}`);
  const see = `See brainjar ${command} --help`;
  const ofEachJar = definitions.find((flag) => flag.perJar && `--${flag.name}` === typed);
  if (ofEachJar !== undefined) {
    return `It has a jar's name at its end: ${ofJar(ofEachJar).join(", ")}`;
  }
  const elsewhere = typed.startsWith("--") ? matchFlag(FLAGS, typed.slice(2)) : undefined;
  if (elsewhere !== undefined) {
    const owners = elsewhere.commands.map((name) => `brainjar ${name}`).join(", ");
    return `It is a flag of ${owners}. ${see}`;
  }
  const names = definitions.flatMap((flag) => flag.perJar ? ofJar(flag) : [`--${flag.name}`]);
  return didYouMean(typed, names, see);
}
