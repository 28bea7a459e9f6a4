import { CRITERIA } from "../../budget/demand.ts";
import { DEFAULT_POLICY } from "../../budget/policy.ts";
import { JARS_OF_MODE, type PresetMode } from "../../experiment/roles.ts";
import { KV_CACHE_TYPES, type KvCacheType } from "../../llama_cpp/ggml/types.ts";
import {
  DEFAULT_CONTEXT,
  DEFAULT_ESTIMATOR,
  DEFAULT_GPU,
  GPU_CHOICES,
} from "../../plan/settings.ts";
import type { JobKind } from "../../job_files/job.ts";
import { PACE_BOUNDS, READABLE_PACE, SPEED_BOUNDS } from "../../view/pace.ts";
import { COMMAND_NAMES, type CommandName } from "./commands.ts";

/** What a flag's value is, and what stands for it in help unless the flag itself says. */
export const PLACEHOLDERS = {
  switch: undefined,
  choice: undefined,
  size: "SIZE",
  count: "N",
  number: "NUMBER",
  path: "FILE",
  model: "MODEL",
  text: "NAME",
  duration: "TIME",
  layers: "N|all|auto",
  pace: "WORDS|full",
  speed: "TIMES|max",
} as const;

/** One flag: the only source of its parsing, help, completion and line in the README. */
export interface FlagDefinition {
  /** Without dashes. Where `perJar` is set, a jar's name follows: `ram-limit-god`. */
  readonly name: string;
  /** A `switch` has no value. */
  readonly type: keyof typeof PLACEHOLDERS;
  /** What stands for the value in help, where it isn't what its type says. */
  readonly placeholder?: string;
  readonly choices?: readonly string[];
  /** What choices were called before, by what was typed; still taken, and said in the help. */
  readonly olderNames?: Readonly<Record<string, string>>;
  readonly perJar?: true;
  /** It may stand without its value. */
  readonly isOptional?: true;
  readonly commands: readonly CommandName[];
  /** One sentence without a full stop. */
  readonly help: string;
  /** The value where none is typed; a size in bytes. */
  readonly default?: string | number;
  /** Least value allowed, for `count` and `number`; a `size` may be nothing where it is 0. */
  readonly least?: number;
  /** Greatest value allowed, for `count` and `number`; for a `duration` in seconds. */
  readonly greatest?: number;
}

const JARS = ["run", "check", "recommend", "plan"] as const;
const MODELS = ["run", "check", "recommend", "plan", "estimate", "measure"] as const;
/** What a run is told besides, which a plan writes down for it. */
const RUNS = ["run", "plan"] as const;

/** As it is typed: `q8_0`. */
export const typedCacheType = (type: KvCacheType) => type.toLowerCase() as Lowercase<KvCacheType>;

// Each is there for all jars and for one.

const MAX_TOKENS = {
  name: "max-tokens",
  type: "count",
  least: 1,
  greatest: 2 ** 20,
  commands: RUNS,
} as const;

const TEMPERATURE = {
  name: "temperature",
  type: "number",
  placeholder: "T",
  least: 0,
  greatest: 100,
  commands: RUNS,
} as const;

const TOP_P = {
  name: "top-p",
  type: "number",
  placeholder: "P",
  least: 0,
  greatest: 1,
  commands: RUNS,
} as const;

/** Every flag, in the order of `--help`. */
export const FLAG_TABLE = [
  {
    name: "mode",
    type: "choice",
    choices: Object.keys(JARS_OF_MODE) as PresetMode[],
    commands: JARS,
    default: "single",
    help: "Which jars: one subject; subject, observer and god; or two subjects as peers",
  },
  {
    name: "jars",
    type: "path",
    commands: JARS,
    help: "Read jars and policy from FILE (brainjar.jsonc here, if there is one)",
  },
  {
    name: "model",
    type: "model",
    commands: JARS,
    help:
      "Model of every jar: a path, hf:ORG/REPO[:QUANT], ollama:NAME[:TAG] or a URL (else $BRAINJAR_MODEL, else the demo brain, for run and at a terminal)",
  },
  {
    name: "model",
    perJar: true,
    type: "model",
    commands: JARS,
    help: "Model of one jar",
  },
  {
    name: "ram-limit",
    perJar: true,
    type: "size",
    commands: ["run", "check", "plan"],
    help: "Most memory one jar may use; sizes its context too",
  },
  {
    name: "context-size",
    type: "count",
    placeholder: "TOKENS",
    least: 1,
    greatest: 2 ** 31 - 1,
    commands: MODELS,
    help: "Tokens of context; with a RAM limit, the most (4096 or the model's own, if smaller)",
  },
  {
    name: "batch-size",
    type: "count",
    placeholder: "TOKENS",
    least: 1,
    greatest: 2 ** 20,
    commands: MODELS,
    default: DEFAULT_CONTEXT.batchSize,
    help: "Tokens evaluated at once, at most the context size",
  },
  {
    name: "sequences",
    type: "count",
    least: 1,
    greatest: 256,
    commands: ["estimate"],
    default: DEFAULT_CONTEXT.sequences,
    help: "Sequences in one context, each with its own KV cache",
  },
  {
    name: "kv-cache-type",
    type: "choice",
    choices: KV_CACHE_TYPES.map(typedCacheType),
    placeholder: "TYPE",
    commands: MODELS,
    default: typedCacheType(DEFAULT_CONTEXT.kvCacheType),
    help: "Type of the KV cache; a quantized one needs flash attention",
  },
  {
    name: "flash-attention",
    type: "choice",
    choices: ["on", "off", "auto"],
    commands: MODELS,
    default: DEFAULT_CONTEXT.flashAttention,
    help: "Whether attention scores are computed in tiles instead of whole",
  },
  {
    name: "no-mmap",
    type: "switch",
    commands: MODELS,
    help: "Copy weights into memory instead of mapping the file",
  },
  {
    name: "gpu",
    type: "choice",
    choices: GPU_CHOICES,
    commands: MODELS,
    default: DEFAULT_GPU,
    help: "Devices to compute on: those that the installed engine drives (auto), none, or a kind",
  },
  {
    name: "gpu-layers",
    type: "layers",
    greatest: 1_000_000,
    commands: MODELS,
    default: DEFAULT_CONTEXT.gpuLayers,
    help: "Layers of each model on devices, its output counted as one; auto: the most that fit",
  },
  {
    name: "gpu-layers",
    perJar: true,
    type: "layers",
    greatest: 1_000_000,
    commands: JARS,
    help: "Layers of one jar's model on devices",
  },
  {
    name: "devices",
    type: "text",
    placeholder: "BACKEND=SIZE,…",
    commands: ["check", "recommend", "plan", "estimate"],
    help: "Devices of a machine that isn't this one: cuda=80GB, vulkan=24GB,24GB, metal=48GB",
  },
  {
    name: "machines",
    type: "text",
    placeholder: "KIND*N,…",
    commands: ["plan"],
    help:
      "Place the jars on these machines: each kind's RAM, its devices, and how many there are (16GB*40,24GB+cuda:24GB*8)",
  },
  {
    name: "cpu",
    type: "text",
    commands: MODELS,
    help: "Estimate for another processor than this one (x86-64-v3, apple-m1, …); " +
      "run and measure count what this one has, too",
  },
  {
    name: "no-share-weights",
    type: "switch",
    commands: JARS,
    help: "Load and count the model once for each jar",
  },
  {
    name: "estimator",
    type: "choice",
    choices: ["header", "engine", "filesize"],
    olderNames: { exact: "engine" },
    commands: ["run", "check", "recommend", "plan", "estimate"],
    default: DEFAULT_ESTIMATOR,
    help:
      "How footprints are found: from the header, by the engine's dry load (once called exact), or file size × 1.5",
  },
  {
    name: "compare",
    type: "switch",
    commands: ["estimate"],
    help: "Print the header's estimate beside the engine's own, part by part, with the difference",
  },
  {
    name: "criterion",
    type: "choice",
    choices: CRITERIA,
    commands: JARS,
    default: DEFAULT_POLICY.criterion,
    help: "Hold the verdict against full speed (working-set) or bare survival (floor)",
  },
  {
    name: "safety-margin",
    type: "number",
    placeholder: "PERCENT",
    least: 0,
    greatest: 99.99,
    commands: JARS,
    default: DEFAULT_POLICY.safetyMarginPercent,
    help: "Percentage of RAM never given out",
  },
  {
    name: "allocation-headroom",
    type: "size",
    least: 0,
    commands: JARS,
    default: DEFAULT_POLICY.allocationHeadroomBytes,
    help: "Kept free beside a jar when it is allocated",
  },
  {
    name: "load-headroom",
    type: "size",
    least: 0,
    commands: JARS,
    default: DEFAULT_POLICY.loadHeadroomBytes,
    help: "Kept free beside a model right before it is loaded",
  },
  {
    name: "total-memory",
    type: "size",
    commands: ["run", "check", "recommend"],
    help: "RAM of a machine that isn't this one; for run, at most what this one has",
  },
  {
    name: "available-memory",
    type: "size",
    commands: ["run", "check", "recommend"],
    help: "What is free on it (all of --total-memory if not given)",
  },
  {
    name: "runner",
    type: "text",
    commands: ["check", "recommend"],
    help:
      "A CI runner's memory and processor instead of this machine's (github-ubuntu, github-macos, …)",
  },
  {
    name: "reserve",
    type: "duration",
    greatest: 24 * 3600,
    commands: ["check"],
    help:
      "If it fits, hold the memory for TIME (10m, 90s, 1h) and print a token for run or release",
  },
  {
    name: "token",
    type: "text",
    placeholder: "TOKEN",
    commands: ["run"],
    help: "Take over the memory that check --reserve holds under TOKEN",
  },
  {
    name: "turns",
    type: "count",
    least: 1,
    greatest: 1_000_000_000,
    commands: RUNS,
    help: "End after N turns (without it: on Ctrl-C, or when nobody reads its answer)",
  },
  {
    ...MAX_TOKENS,
    // Two sentences of an instruct model have up to 40 words, and some 1.5 tokens a word.
    default: 96,
    help: "Most tokens of one thought",
  },
  { ...MAX_TOKENS, perJar: true, help: "Most tokens of one jar's thoughts" },
  {
    ...TEMPERATURE,
    default: 0.8,
    help: "How freely thoughts are sampled; 0 takes the likeliest token",
  },
  { ...TEMPERATURE, perJar: true, help: "How freely one jar's thoughts are sampled" },
  {
    ...TOP_P,
    default: 0.95,
    help: "Sample from the likeliest tokens that make up this share",
  },
  { ...TOP_P, perJar: true, help: "Sample one jar's thoughts so" },
  {
    name: "prompt",
    perJar: true,
    type: "path",
    commands: ["run", "check", "plan"],
    help: "What one jar is told, from FILE (brainjar prompts prints the built-in ones)",
  },
  {
    name: "launcher",
    type: "text",
    placeholder: "LAUNCHER",
    commands: ["run", "check"],
    help:
      "Start each jar in a process of its own, by this and what it needs in one word: process, systemd, slurm, docker IMAGE, podman IMAGE, kubernetes IMAGE, compose SERVICE, attach POD, socket PATH, ssh HOST, its options before that and after -- what starts brainjar there (ssh -p 2222 HOST -- ~/brainjar jar); or a command with {memory}, {memory-mib}, {request}, {gpus}, {name}, {command} in it (default in-process: none is started)",
  },
  {
    name: "launcher",
    perJar: true,
    type: "text",
    placeholder: "LAUNCHER",
    commands: ["run", "check"],
    help: "Start one jar so",
  },
  {
    name: "start-timeout",
    type: "duration",
    greatest: 7 * 24 * 3600,
    commands: RUNS,
    help:
      "How long what starts a jar's process may take (2h; default 10m for a queue or an image, 2m on this machine and by ssh)",
  },
  {
    name: "prompt-format",
    type: "choice",
    choices: ["auto", "raw", "chat"],
    commands: RUNS,
    default: "auto",
    help: "Tell prompts in the model's chat template, as raw text, or (auto) as the model has it",
  },
  {
    name: "seed",
    type: "count",
    least: 0,
    greatest: 2 ** 32 - 1,
    commands: RUNS,
    help: "Seed of the sampling; the same seed, model and flags give the same thoughts",
  },
  {
    name: "allow-partial",
    type: "switch",
    commands: RUNS,
    help: "Go on without a refused observer or god",
  },
  {
    name: "log",
    type: "path",
    commands: RUNS,
    help: "Append the transcript to FILE, a JSON object a line",
  },
  {
    name: "log-max-size",
    type: "size",
    commands: RUNS,
    help:
      "Go on in a new file when the transcript has SIZE; older parts are FILE.1, FILE.2, to FILE.9",
  },
  {
    name: "pace",
    type: "pace",
    least: PACE_BOUNDS.least,
    greatest: PACE_BOUNDS.greatest,
    commands: ["run"],
    help:
      `Tell thoughts at WORDS a minute (default ${READABLE_PACE} on a screen or a page, full for lines)`,
  },
  {
    name: "run",
    type: "count",
    least: 1,
    greatest: 1_000_000_000,
    commands: ["replay", "report"],
    help: "Which of the runs in the file, 1 for the first (the last one if not given)",
  },
  {
    name: "from",
    type: "count",
    placeholder: "TURN",
    least: 0,
    greatest: 1_000_000_000,
    commands: ["replay"],
    help: "Begin with this turn",
  },
  {
    name: "speed",
    type: "speed",
    least: SPEED_BOUNDS.least,
    greatest: SPEED_BOUNDS.greatest,
    commands: ["replay"],
    help: "So many times as fast as it was; max: without a wait (1, in lines and no terminal max)",
  },
  {
    name: "max-gap",
    type: "duration",
    greatest: 24 * 3600,
    commands: ["replay"],
    help: "Where nothing happens for longer, go on after TIME (5s)",
  },
  {
    name: "asciicast",
    type: "path",
    commands: ["replay"],
    help: "Write a recording of the screen to FILE instead (asciicast v2)",
  },
  {
    name: "size",
    type: "text",
    placeholder: "COLUMNSxROWS",
    commands: ["replay"],
    help: "Size of the recording's screen (100x30)",
  },
  {
    name: "for",
    type: "choice",
    choices: ["slurm", "kubernetes", "compose", "systemd"] as const satisfies readonly JobKind[],
    commands: ["plan"],
    help:
      "Print what starts the jars and the run there: a batch script, manifests, a Compose file, units",
  },
  {
    name: "image",
    type: "text",
    placeholder: "IMAGE",
    commands: ["plan"],
    help: "Image that has brainjar, for plan --for kubernetes and compose",
  },
  {
    name: "models-at",
    type: "path",
    placeholder: "FOLDER",
    commands: ["plan"],
    help: "Where the models' files lie where the jars run, if not where they lie here",
  },
  {
    name: "cpus",
    type: "count",
    least: 1,
    greatest: 4096,
    commands: ["plan"],
    help: "Processors to ask for beside each jar's memory (what the scheduler gives if not given)",
  },
  {
    name: "only",
    type: "text",
    placeholder: "JAR",
    commands: ["check"],
    help: "Check one of the jars, alone in a process of its own, as run --launcher starts it",
  },
  {
    name: "own-limit",
    type: "size",
    commands: ["check"],
    help: "What the one jar's control group was asked for: the jar is held to it, margins aren't",
  },
  {
    name: "output",
    type: "path",
    commands: ["report", "plan"],
    help:
      "Write to FILE (units of systemd's: to a folder); an earlier report there is written over, anything else is not",
  },
  {
    name: "plain",
    type: "switch",
    commands: ["run", "replay"],
    help: "Lines and no screen, on a terminal too",
  },
  {
    name: "web",
    type: "text",
    placeholder: "HOST:PORT",
    isOptional: true,
    commands: ["run", "replay"],
    help: "Serve a page of the run (this machine alone and a free port, unless told otherwise)",
  },
  {
    name: "save",
    type: "switch",
    commands: ["measure"],
    help: "Keep the measured ratio for this model and machine",
  },
  {
    name: "format",
    type: "choice",
    choices: ["text", "json", "github", "junit"],
    commands: ["check"],
    default: "text",
    help: "How the verdict is printed",
  },
  {
    name: "full",
    type: "switch",
    commands: ["check", "estimate", "memory"],
    help: "Every figure at a terminal, as it is printed to a pipe",
  },
  {
    name: "quiet",
    type: "switch",
    commands: ["check"],
    help: "Print nothing; the exit code is the answer",
  },
  {
    name: "json",
    type: "switch",
    commands: ["run", "check", "estimate", "memory", "recommend", "plan", "measure"],
    help: "Answer in JSON on stdout",
  },
  {
    name: "no-color",
    type: "switch",
    commands: ["run", "replay", "check", "estimate", "memory", "recommend", "plan", "measure"],
    help: "No colour, as with $NO_COLOR",
  },
  {
    name: "help",
    type: "switch",
    commands: COMMAND_NAMES,
    help: "Print this help",
  },
] as const satisfies readonly FlagDefinition[];
