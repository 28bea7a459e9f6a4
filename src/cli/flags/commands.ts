/** One command as help, completions and the man page show it. */
export interface CommandDefinition {
  readonly name: CommandName;
  /** One line, no full stop. */
  readonly summary: string;
  /** What may stand beside the flags: `MODEL…`, empty for none. */
  readonly operands: string;
  /** Paragraphs of `--help`. */
  readonly description: readonly string[];
  /** Command lines without the leading `brainjar`, and what each does. */
  readonly examples: readonly { readonly line: string; readonly does: string }[];
}

export const COMMAND_NAMES = [
  "run",
  "check",
  "estimate",
  "memory",
  "recommend",
  "measure",
  "release",
  "schema",
  "completions",
  "man",
] as const;

export type CommandName = (typeof COMMAND_NAMES)[number];

/** Every command, in the order of `brainjar --help`. */
export const COMMANDS: readonly CommandDefinition[] = [
  {
    name: "run",
    summary: "Validate, load and run minds in jars",
    operands: "",
    description: [
      "Estimates every jar's memory, validates the sum against this machine, allocates each jar, checks once more right before each load, then lets the minds think. Ctrl-C ends the run and gives everything back; a second Ctrl-C stops at once.",
      "Without --model (and without $BRAINJAR_MODEL) the small demo brain inside brainjar is used; its thoughts are nonsense, its memory is real.",
    ],
    examples: [
      { line: "run --mode matrix --turns 3", does: "three minds on the demo brain, three turns" },
      {
        line: "run --mode single --model m.gguf --ram-limit-subject 4",
        does: "one mind, its context sized to 4 GB",
      },
      {
        line: "run --mode peer --model m.gguf --log talk.jsonl",
        does: "two minds, transcript kept",
      },
    ],
  },
  {
    name: "check",
    summary: "Say whether the jars fit, and exit with it; loads nothing",
    operands: "",
    description: [
      "Layer 1 of the run on its own: reads only the models' headers and answers in milliseconds. Exit code 0 fits, 1 doesn't, 2 wrong usage or an input that can't be read.",
    ],
    examples: [
      { line: "check --mode matrix --model m.gguf", does: "does it fit here, now" },
      {
        line: "check --model m.gguf --total-memory 16 --available-memory 14",
        does: "would it fit on a machine of 16 GB",
      },
      {
        line: "check --model m.gguf --format github --runner github-ubuntu",
        does: "annotations in a workflow",
      },
    ],
  },
  {
    name: "estimate",
    summary: "Print what models need, part by part",
    operands: "MODEL…",
    description: [
      "Reads each model's header, from a file, the first part of a split one, or a URL (only the header's bytes are fetched), and prints weights, KV cache, compute and what will be resident. --estimator exact asks the engine's own dry load; --compare shows both.",
    ],
    examples: [
      { line: "estimate a.gguf b.gguf --context-size 8192", does: "two models, one table" },
      { line: "estimate https://host/model.gguf --json", does: "a model that isn't here yet" },
    ],
  },
  {
    name: "memory",
    summary: "Print what memory this machine has, and where each figure comes from",
    operands: "",
    description: [
      "Total and available memory as brainjar counts them: MemAvailable, every control group above this process, pressure, swap (shown, never promised) and what other brainjar processes hold.",
    ],
    examples: [{ line: "memory --json", does: "for a script" }],
  },
  {
    name: "recommend",
    summary: "Compute RAM limits and a context that pass",
    operands: "",
    description: [
      "Finds limits for each jar that pass their own validation, here or on the machine that --total-memory describes.",
    ],
    examples: [
      { line: "recommend --mode matrix --model m.gguf", does: "for this machine" },
      { line: "recommend --mode matrix --total-memory 32", does: "for a machine of 32 GB" },
    ],
  },
  {
    name: "measure",
    summary: "Load a model for real and print estimate beside reality",
    operands: "MODEL",
    description: [
      "Loads the model with the same options, thinks, disposes, and prints each part's estimate beside what was resident. --save keeps the ratio for this model and machine; later estimates use it and say so.",
    ],
    examples: [{ line: "measure m.gguf --context-size 4096", does: "estimate beside reality" }],
  },
  {
    name: "release",
    summary: "Give back memory that `check --reserve` holds",
    operands: "TOKEN",
    description: ["Removes the reservation from the ledger of this user's brainjar processes."],
    examples: [{ line: 'release "$token"', does: "at the end of a CI job" }],
  },
  {
    name: "schema",
    summary: "Print the JSON Schema of a file or an answer",
    operands: "jars|check|estimate|run",
    description: ["JSON Schema, draft 2020-12."],
    examples: [{ line: "schema jars > jars.schema.json", does: "for an editor" }],
  },
  {
    name: "completions",
    summary: "Print a shell's completion script",
    operands: "bash|zsh|fish",
    description: ["Made from the same flag table as this help."],
    examples: [
      {
        line: "completions bash > ~/.local/share/bash-completion/completions/brainjar",
        does: "bash",
      },
      { line: 'completions zsh > "${fpath[1]}/_brainjar"', does: "zsh, before compinit" },
      { line: "completions fish > ~/.config/fish/completions/brainjar.fish", does: "fish" },
    ],
  },
  {
    name: "man",
    summary: "Print the man page",
    operands: "",
    description: ["In roff, for man -l."],
    examples: [{ line: "man | man -l -", does: "read it" }],
  },
];
