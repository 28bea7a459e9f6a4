/** One command as help, completions and the man page show it. */
export interface CommandDefinition<Name extends string = CommandName> {
  readonly name: Name;
  /** One line, no full stop. */
  readonly summary: string;
  /** What may stand beside the flags: `MODEL…`, empty for none. */
  readonly operands: string;
  /** Paragraphs of `--help`. */
  readonly description: readonly string[];
  /** What each command line does, by the line without the leading `brainjar`. */
  readonly examples: Readonly<Record<string, string>>;
}

const TABLE = [
  {
    name: "run",
    summary: "Validate, load and run minds in jars",
    operands: "",
    description: [
      "Estimates every jar's memory, validates the sum against this machine, allocates each jar, checks once more right before each load, then lets the minds think: on a terminal on a screen, whose keys ? lists, elsewhere and with --plain in lines. Ctrl-C ends the run and gives everything back; a second Ctrl-C stops at once.",
      "Without --model (and without $BRAINJAR_MODEL) the small demo brain inside brainjar is used: it knows of nothing but jars, and its memory is real.",
    ],
    examples: {
      "run --mode matrix": "three minds on the demo brain, until q or Ctrl-C",
      "run --mode matrix --web --log talk.jsonl": "the same on a page, too, and kept for replay",
      "run --mode single --model m.gguf --ram-limit-subject 4":
        "one mind, its context sized to 4 GB",
      "run --mode peer --model m.gguf --log talk.jsonl": "two minds, transcript kept",
    },
  },
  {
    name: "replay",
    summary: "Play a transcript again, on a screen, a page or in lines",
    operands: "FILE",
    description: [
      "Plays what run --log FILE kept, in the time that it took or at another speed; nothing is loaded. On a terminal with keys: space pauses, + and - change the speed, the arrows go a turn back or forward, g goes to a turn, q ends it. Elsewhere, and with --plain, in the lines that the run printed.",
      "A transcript that is rotated is played with its earlier parts, FILE.1, FILE.2 and so on. One that was cut off is played to where it ends.",
      "--asciicast writes what the screen would show as a recording (asciicast v2) that terminals and web pages play, and plays nothing.",
    ],
    examples: {
      "replay talk.jsonl": "as it was",
      "replay talk.jsonl --from 100 --speed 10 --web":
        "on a page, from turn 100 on, ten times as fast",
      "replay talk.jsonl --asciicast talk.cast --size 100x30": "a recording to share",
    },
  },
  {
    name: "report",
    summary: "Make one HTML file of a transcript",
    operands: "FILE",
    description: [
      "Writes what run --log FILE kept as one page that needs nothing else: memory and context over time, lives and what ended them, the thoughts turn by turn, the validation, the prompts. It loads nothing from anywhere and runs no script.",
      "To stdout where that is no terminal, else to the file that --output names. A file that is no report is never written over. Of a long run the first 100 and the last 900 turns are told.",
    ],
    examples: {
      "report talk.jsonl --output talk.html": "a page to open or to send",
      "report talk.jsonl --run 1 > first.html": "of the first of several runs in the file",
    },
  },
  {
    name: "jar",
    summary: "Live as one jar: asked on stdin, answering on stdout",
    operands: "",
    description: [
      "What a run starts for a jar that lives in a process of its own (run --launcher). Anybody can start one by hand: it says hello, takes a JSON object a line (hello, load, think, stop, die, resurrect, vitals, end) and answers in the same way; brainjar schema jar prints their shapes. Layers 2 and 3 run here, on the machine and in the control group where it landed. stderr is its log.",
      "It ends, and gives back all that it has, when it is asked to, when stdin closes, on SIGTERM, and when whoever said in hello how long it may be silent is silent for longer.",
    ],
    examples: { "jar < requests.jsonl": "what is asked there, then the end" },
  },
  {
    name: "check",
    summary: "Say whether the jars fit, and exit with it; loads nothing",
    operands: "",
    description: [
      "Says whether a run would start here and now, through all its three layers: reads only the models' headers and answers in milliseconds. Exit code 0 fits, 1 doesn't, 2 wrong usage or an input that can't be read.",
      "Where stderr is no terminal a model must be named (--model, a jar file, $BRAINJAR_MODEL), so that a forgotten variable is no pass; at a terminal the demo brain is used and said.",
    ],
    examples: {
      "check --mode matrix --model m.gguf": "does it fit here, now",
      "check --model m.gguf --total-memory 16 --available-memory 14":
        "would it fit on a machine of 16 GB",
      "check --model m.gguf --format github --runner github-ubuntu": "annotations in a workflow",
    },
  },
  {
    name: "estimate",
    summary: "Print what models need, part by part",
    operands: "MODEL…",
    description: [
      "Reads each model's header, from a file, any part of a split one, a name in this machine's caches (hf:ORG/REPO[:QUANT], ollama:NAME[:TAG]), or a URL (only the header's bytes are fetched), and prints weights, KV cache, compute and what will be resident. --estimator engine has weights, caches and compute counted by the engine's own dry load, and takes from the header what that leaves out; --compare shows both, part by part.",
    ],
    examples: {
      "estimate a.gguf b.gguf --context-size 8192": "two models, one table",
      "estimate https://host/model.gguf --json": "a model that isn't here yet",
      "estimate hf:org/repo-GGUF:Q4_K_M ollama:llama3.2:1b": "models in this machine's caches",
    },
  },
  {
    name: "memory",
    summary: "Print what memory this machine has, and where each figure comes from",
    operands: "",
    description: [
      "Total and available memory as brainjar counts them: MemAvailable, every control group above this process, pressure, swap (shown, not counted) and what other brainjar processes have reserved.",
    ],
    examples: { "memory --json": "for a script" },
  },
  {
    name: "recommend",
    summary: "Compute RAM limits and a context that pass",
    operands: "",
    description: [
      "Finds limits for each jar that pass their own validation, here or on the machine that --total-memory describes, and prints the line that runs with them. Where nothing passes it says why, and what machine it would take.",
      "Where stderr is no terminal a model must be named, as for check.",
    ],
    examples: {
      "recommend --mode matrix --model m.gguf": "for this machine",
      "recommend --mode matrix --model m.gguf --total-memory 32": "for a machine of 32 GB",
    },
  },
  {
    name: "plan",
    summary: "Print what jars in processes of their own ask a scheduler for",
    operands: "",
    description: [
      "Says on paper, before anything runs, what each jar asks for where it has a process of its own (run --launcher): its request is the working set, its limit the floor and what the launcher's accounting adds. Loads nothing; the models' headers are enough.",
      "--for prints that as a file to start with: a batch script of Slurm's, manifests of Kubernetes', a Compose file or units of systemd's, each figure with what it comes from, and brainjar check as the first step. What else is given, of models, contexts and the run, stands in the file's own commands, so that its figures hold when it is followed to the letter.",
      "With --machines it says which of many machines holds which of many jars, on the least memory of machines in all: each machine's jars pass check there, each in a process of its own. What has no place is told, and what would hold it.",
    ],
    examples: {
      "plan --mode matrix --model m.gguf": "each jar's request and limit",
      "plan --mode matrix --model m.gguf --turns 20 --for slurm > job.sh": "for sbatch job.sh",
      "plan --mode matrix --model m.gguf --for kubernetes --image registry/brainjar:1":
        "for kubectl apply -f -",
      "plan --jars many.jsonc --machines 16GB*40,24GB+cuda:24GB*8": "which machine holds which",
    },
  },
  {
    name: "measure",
    summary: "Load a model for real and print estimate beside reality",
    operands: "MODEL",
    description: [
      "Loads the model with the same options, thinks, disposes, and prints each part's estimate beside what was resident. --save keeps the ratio for this model and machine; later estimates use it and say so.",
    ],
    examples: { "measure m.gguf --context-size 4096": "estimate beside reality" },
  },
  {
    name: "prompts",
    summary: "Print what jars are told, as files that can be changed",
    operands: "[subject|peer|observer|god]",
    description: [
      "A prompt file is text: what stands before a line --- is the system message, said once at the beginning of each life; each line below it is part of every turn's message. Without such a line it is all system message, and the turn's lines are the built-in ones.",
      "Words in braces stand for what there is to say, and a line with one that has nothing to say is left out. Without a name all prompts are printed, and what each word stands for.",
    ],
    examples: {
      "prompts": "all of them",
      "prompts god > god.txt": "a prompt to change, for run --mode matrix --prompt-god god.txt",
    },
  },
  {
    name: "release",
    summary: "Give back memory that `check --reserve` holds",
    operands: "TOKEN",
    description: ["Removes the reservation from the ledger of this user's brainjar processes."],
    examples: { 'release "$token"': "at the end of a CI job" },
  },
  {
    name: "schema",
    summary: "Print the JSON Schema of a file or an answer",
    operands: "jars|check|estimate|plan|placement|run|transcript|jar",
    description: ["JSON Schema, draft 2020-12."],
    examples: { "schema jars > jars.schema.json": "for an editor" },
  },
  {
    name: "completions",
    summary: "Print a shell's completion script",
    operands: "bash|zsh|fish",
    description: ["Made from the same flag table as this help."],
    examples: {
      "completions bash > ~/.local/share/bash-completion/completions/brainjar": "bash",
      'completions zsh > "${fpath[1]}/_brainjar"': "zsh, before compinit",
      "completions fish > ~/.config/fish/completions/brainjar.fish": "fish",
    },
  },
  {
    name: "man",
    summary: "Print the man page",
    operands: "",
    description: ["In roff, for man -l."],
    examples: { "man | man -l -": "read it" },
  },
] as const satisfies readonly CommandDefinition<string>[];

export type CommandName = (typeof TABLE)[number]["name"];

/** Every command, in the order of `brainjar --help`. */
export const COMMANDS: readonly CommandDefinition[] = TABLE;

export const COMMAND_NAMES: readonly CommandName[] = COMMANDS.map(({ name }) => name);
