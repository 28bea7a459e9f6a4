import {
  COMPLETED_COMMANDS,
  type CompletedCommand,
  type CompletedFlag,
  type Completion,
  PROGRAM_FLAGS,
  quote,
} from "./table.ts";

const HEAD = String.raw`#compdef brainjar
# Completions of brainjar for zsh, printed by: brainjar completions zsh

# Not _files: it offers every file where no model is.
_brainjar_models() {
  _path_files "$@" -g '*.gguf *(-/)'
}
`;

// A file of $fpath is run as the body of its function at the first Tab; a sourced one is not.
const TAIL = String.raw`
if [[ $funcstack[1] == _brainjar ]]; then
  _brainjar "$@"
else
  compdef _brainjar brainjar
fi
`;

/** The completion script of zsh: save it as `_brainjar` in a folder of $fpath, or source it. */
export function renderZshCompletions(): string {
  return [
    HEAD,
    "_brainjar() {",
    "  local curcontext=$curcontext state state_descr line",
    "  local -A opt_args",
    "  local -a commands=(",
    ...COMPLETED_COMMANDS.map(({ name, help }) =>
      `    ${quote(`${escape(name, ":")}:${escape(help, "")}`)}`
    ),
    "  )",
    "  _arguments -C \\",
    // Either answers alone.
    ...PROGRAM_FLAGS.map((flag) => `    ${quote(`(- *)${flagSpec(flag)}`)} \\`),
    "    '1:command:->command' '*::argument:->argument' && return",
    "",
    "  case $state in",
    "    command) _describe -t commands command commands ;;",
    "    argument)",
    "      case $words[1] in",
    ...COMPLETED_COMMANDS.flatMap(renderCommand),
    "      esac",
    "      ;;",
    "  esac",
    "}",
    TAIL,
  ].join("\n");
}

function renderCommand(command: CompletedCommand): string[] {
  const specs = [
    ...command.flags.map(flagSpec),
    ...(command.operand === undefined
      ? []
      : [`*:${escape(command.placeholder, ":")}:${action(command.operand)}`]),
  ];
  const last = specs.length - 1;
  return [
    `        ${command.name})`,
    "          _arguments \\",
    ...specs.map((spec, index) => `            ${quote(spec)}${index < last ? " \\" : ""}`),
    "          ;;",
  ];
}

/** As `_arguments` reads it: `--mode=[help]:MODE:(single matrix)`. */
function flagSpec({ name, help, placeholder, value }: CompletedFlag): string {
  const told = `[${escape(help, "[]")}]`;
  if (value === undefined) return `${name}${told}`;
  return `${name}=${told}:${escape(placeholder, ":")}:${action(value)}`;
}

/** Of `unknown` a space: show what is wanted, complete nothing. */
const ACTIONS = { models: "_brainjar_models", files: "_files", unknown: " " } as const;

function action(completion: Completion): string {
  return typeof completion === "string" ? ACTIONS[completion] : `(${completion.join(" ")})`;
}

/** Puts a backslash before backslashes and the characters that mean something here. */
function escape(text: string, special: string): string {
  return [...text].map((letter) => `\\${special}`.includes(letter) ? `\\${letter}` : letter)
    .join("");
}
