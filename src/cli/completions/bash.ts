import {
  COMPLETED_COMMANDS,
  type CompletedCommand,
  type CompletedFlag,
  type Completion,
  PROGRAM_FLAGS,
  quote,
} from "./table.ts";

// Works from bash 3.2 (macOS) on: no mapfile, and compopt only where there is one.
const HEAD = String.raw`# Completions of brainjar for bash, printed by: brainjar completions bash

# Those of the words that go on from what was typed.
_brainjar_words() {
  local found
  while IFS= read -r found; do COMPREPLY+=("$found"); done < <(compgen -W "$1" -- "$word")
}

# Files and folders that go on from what was typed; with a pattern, only files that match it.
_brainjar_files() {
  local found typed=$word
  # Bash hands over quotes and backslashes as they were typed; file names have none of them.
  case $typed in
    [\'\"]*) typed=${"${typed:1}"} ;;
    *) IFS= read -d '' typed < <(printf '%s\0' "$typed") ;;
  esac
  while IFS= read -r found; do COMPREPLY+=("$found"); done < <(
    compgen -d -- "$typed"
    compgen -f -X "!$1" -- "$typed" | while IFS= read -r found; do
      [[ -d $found ]] || printf '%s\n' "$found"
    done
  )
  compopt -o filenames 2>/dev/null
}

_brainjar() {
  local word=${"${COMP_WORDS[COMP_CWORD]}"} before=${"${COMP_WORDS[COMP_CWORD - 1]}"}
  COMPREPLY=()
`;

const TAIL = String.raw`  esac
}

if type compopt >/dev/null 2>&1; then
  complete -F _brainjar brainjar
else
  complete -o filenames -F _brainjar brainjar
fi
`;

/** The completion script of bash: source it, or save it among bash-completion's own. */
export function renderBashCompletions(): string {
  return [
    HEAD,
    "  if ((COMP_CWORD == 1)); then",
    ...renderWord(PROGRAM_FLAGS, names(COMPLETED_COMMANDS))
      .map((line) => `    ${line}`),
    "    return",
    "  fi",
    "  # A flag's value after an equals sign: bash makes it a word of its own.",
    '  if [[ $word == "=" ]]; then',
    "    word=",
    '  elif [[ $before == "=" ]]; then',
    "    before=${COMP_WORDS[COMP_CWORD - 2]}",
    "  fi",
    "",
    "  case ${COMP_WORDS[1]} in",
    ...COMPLETED_COMMANDS.flatMap(renderCommand),
  ].join("\n") + "\n" + TAIL;
}

function renderCommand(command: CompletedCommand): string[] {
  const lines = [`    ${command.name})`];
  const valued = command.flags.filter(({ value }) => value !== undefined);
  const groups = Map.groupBy(valued, ({ value = [] }) => complete(value));
  if (groups.size > 0) {
    lines.push(
      "      case $before in",
      ...[...groups].flatMap(([completion, flags]) => [
        `        ${names(flags).join(" | ")})`,
        `          ${completion}`,
        "          return",
        "          ;;",
      ]),
      "      esac",
    );
  }
  lines.push(...renderWord(command.flags, command.operand).map((line) => `      ${line}`));
  return [...lines, "      ;;"];
}

/** Offers flags where one was begun, or where nothing else may stand. */
function renderWord(flags: readonly CompletedFlag[], operand: Completion | undefined): string[] {
  const flagged = complete(names(flags));
  if (operand === undefined) return [flagged];
  return ["case $word in", `  -*) ${flagged} ;;`, `  *) ${complete(operand)} ;;`, "esac"];
}

function names(named: readonly { readonly name: string }[]): string[] {
  return named.map(({ name }) => name);
}

const COMPLETERS = {
  models: "_brainjar_files '*.gguf'",
  files: "_brainjar_files '*'",
  unknown: ":",
} as const;

function complete(completion: Completion): string {
  if (typeof completion === "string") return COMPLETERS[completion];
  return `_brainjar_words ${quote(completion.join(" "))}`;
}
