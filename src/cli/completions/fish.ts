import {
  COMPLETED_COMMANDS,
  type CompletedCommand,
  type CompletedFlag,
  type Completion,
  PROGRAM_FLAGS,
} from "./table.ts";

const HEAD = String.raw`# Completions of brainjar for fish, printed by: brainjar completions fish

# Whether the command is the one named; no name: whether there is none yet.
function __brainjar_at
    # The words before the one that is being typed.
    set -l words (commandline --tokenize --cut-at-cursor --current-process)
    test "$words[2]" = "$argv[1]"
end

# Model files and folders that go on from what was typed.
function __brainjar_models
    set -l typed (commandline --current-token --cut-at-cursor | string replace -r '^--[^=]*=' '')
    complete --do-complete "__fish_command_without_completions $typed" |
        string match -r '^[^\t]*(?:\.gguf|/)(?=\t|$)'
end

complete -c brainjar -f
`;

/** The completion script of fish: save it as `brainjar.fish` among its completions, or source it. */
export function renderFishCompletions(): string {
  return [
    HEAD,
    ...COMPLETED_COMMANDS.map(({ name, help }) =>
      `complete -c brainjar -n __brainjar_at -a ${name} -d ${quote(help)}`
    ),
    ...PROGRAM_FLAGS.map((flag) => renderFlag("__brainjar_at", flag)),
    ...COMPLETED_COMMANDS.flatMap(renderCommand),
    "",
  ].join("\n");
}

function renderCommand(command: CompletedCommand): string[] {
  const at = quote(`__brainjar_at ${command.name}`);
  return [
    "",
    ...command.flags.map((flag) => renderFlag(at, flag)),
    ...(command.operand === undefined || command.operand === "unknown"
      ? []
      : [`complete -c brainjar -n ${at}${candidates(command.operand)}`]),
  ];
}

function renderFlag(condition: string, { name, help, value }: CompletedFlag): string {
  const taken = value === undefined ? "" : ` -r${candidates(value)}`;
  return `complete -c brainjar -n ${condition} -l ${name.slice(2)}${taken} -d ${quote(help)}`;
}

const CANDIDATES = {
  models: " -f -a '(__brainjar_models)'",
  files: " -F",
  unknown: " -f",
} as const;

function candidates(completion: Completion): string {
  if (typeof completion === "string") return CANDIDATES[completion];
  return ` -f -a ${quote(completion.join(" "))}`;
}

function quote(text: string): string {
  return `'${text.replace(/[\\']/g, String.raw`\$&`)}'`;
}
