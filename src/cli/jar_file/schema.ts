import { z } from "zod";
import { ROLES } from "../../budget/demand.ts";
import { parseSize } from "../../budget/size.ts";
import { IN_PROCESS, LAUNCHERS } from "../../jar_process/launchers/table.ts";
import { findFlag } from "../flags/flags.ts";

// The error of each field says what it takes: it becomes the hint under the place of the mistake.

const SIZE_WORDS = 'It takes a size: 8 (GB), 1.5, "512MB", "1.5GiB"';

/** What `parseSize` takes, for the JSON Schema alone: `parseSize` itself has the last word. */
const SIZE = /^\s*(\d+(\.\d*)?|\.\d+)\s*([KMGTPkmgtp]([Ii]?[Bb])?|[Bb]([Yy][Tt][Ee][Ss]?)?)?\s*$/;

/** A number of GB, or a text with its unit, as `parseSize` reads it. */
function size(describe: string, options: { readonly allowZero: boolean }) {
  const error = SIZE_WORDS;
  const number = options.allowZero
    ? z.number().nonnegative({ error })
    : z.number().positive({ error });
  return z.union([number, z.string().regex(SIZE, { error })], { error })
    .refine((given) => isSize(given, options), { error })
    .describe(`${describe}: a number of GB, or a text with its unit`);
}

function isSize(given: unknown, options: { readonly allowZero: boolean }): boolean {
  try {
    parseSize(String(given), options);
    return true;
  } catch {
    return false;
  }
}

/** A number within the bounds of the flag that means the same. */
function likeFlag(
  name: "context-size" | "batch-size" | "safety-margin" | "max-tokens" | "temperature" | "top-p",
) {
  const { least, greatest, type } = findFlag(name);
  const error = `It takes a ${
    type === "count" ? "whole number" : "number"
  } from ${least} to ${greatest}`;
  const number = type === "count" ? z.int({ error }) : z.number({ error });
  return number.min(least, { error }).max(greatest, { error }).describe(`As --${name}`);
}

function choice<const Choice extends string>(choices: readonly Choice[]) {
  return z.enum(choices, { error: `It takes ${choices.join(", ")}` });
}

function layers() {
  const error = "It takes a number of layers from 0 on, all, or auto";
  const { greatest } = findFlag("gpu-layers");
  return z.union([
    z.int({ error }).min(0, { error }).max(greatest, { error }),
    z.enum(["all", "auto"]),
  ], {
    error,
  }).describe("As --gpu-layers");
}

const word = z.string({ error: "It takes a text" })
  .min(1, { error: "It takes a text that isn't empty" });

const text = (describe: string) => word.describe(describe);

const flag = (describe: string) =>
  z.boolean({ error: "It takes true or false" }).describe(describe);

const sampling = z.strictObject({
  temperature: likeFlag("temperature"),
  topP: likeFlag("top-p"),
  maxTokens: likeFlag("max-tokens"),
}, { error: "It takes an object" }).partial();

/**
 * A jar file may be somebody else's: nothing that it says becomes a command that is run here, and an
 * image is one.
 */
const FILE_LAUNCHERS = [
  IN_PROCESS,
  ...LAUNCHERS.filter(({ operand }) => operand === undefined).map(({ name }) => name),
];
const LAUNCHER = new RegExp(`^(${FILE_LAUNCHERS.join("|")}|ssh [A-Za-z0-9][A-Za-z0-9_.:@-]*)$`);
const LAUNCHER_WORDS = `It takes ${FILE_LAUNCHERS.join(", ")}, or ssh HOST; options, images and ` +
  "commands of one's own are flags: --launcher-NAME";

const jarFields = {
  model: text(
    "GGUF model: a path from this file's folder, hf:ORG/REPO[:QUANT], ollama:NAME[:TAG], or a URL (not for run)",
  ),
  ramLimit: size("Most memory the jar may use; sizes its context too", { allowZero: false }),
  contextSize: likeFlag("context-size"),
  batchSize: likeFlag("batch-size"),
  kvCacheType: choice(findFlag("kv-cache-type").choices).describe(
    "Type of the KV cache; quantized needs flash attention",
  ),
  flashAttention: choice(findFlag("flash-attention").choices).describe("As --flash-attention"),
  gpuLayers: layers(),
  mmap: flag("Map the model's file instead of copying it into memory; true unless told otherwise"),
  prompt: text(
    "What the jar is told, as a prompt file has it, or the path of one (.txt or .md) from this file's folder",
  ),
  sampling: sampling.describe("How its thoughts are sampled"),
  launcher: z.string({ error: LAUNCHER_WORDS }).regex(LAUNCHER, { error: LAUNCHER_WORDS })
    .describe(
      "What starts its process, as --launcher; options, images and commands of one's own are flags",
    ),
};

/** A jar's name is part of flags: `--ram-limit-NAME`. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;
const NAME_WORDS =
  "It takes a name of letters, digits, _, . and - (64 at most): flags such as --ram-limit-NAME hold it";

const defaults = z.strictObject(jarFields, { error: "It takes an object" }).partial();

const jar = defaults.extend({
  name: z.string({ error: NAME_WORDS }).regex(NAME, { error: NAME_WORDS })
    .describe("What the jar is called, in reports and in flags"),
  role: choice(ROLES).optional().describe(
    "What it does in a run: subjects think (the default), observers note, gods whisper",
  ),
});

const policy = z.strictObject({
  safetyMargin: likeFlag("safety-margin"),
  allocationHeadroom: size("As --allocation-headroom", { allowZero: true }),
  loadHeadroom: size("As --load-headroom", { allowZero: true }),
  criterion: choice(findFlag("criterion").choices).describe("As --criterion"),
  shareWeights: flag("Whether jars on one model load it once; true unless told otherwise"),
}, { error: "It takes an object" }).partial();

/** A jar file: the only source of its checks, its type and its JSON Schema. It is an object already. */
export const JAR_FILE_SCHEMA = z.strictObject({
  $schema: text("Where an editor finds the schema").optional(),
  extends: z.union([word, z.array(word)], {
    error: "It takes a path, or a list of paths",
  }).optional().describe("Other jar files, from this file's folder; what stands here overrides"),
  defaults: defaults.optional().describe("What every jar has unless it says otherwise"),
  jars: z.array(jar, { error: "It takes a list of jars" }).optional()
    .describe("In the order in which they are admitted and think"),
  policy: policy.optional(),
}).meta({
  title: "brainjar jar file",
  description: "The jars that brainjar checks and runs together, and the policy they are held to",
});

/** What a jar file says, as it is written. */
export type JarFile = z.infer<typeof JAR_FILE_SCHEMA>;

const PARTS: Readonly<Record<PropertyKey, z.ZodObject>> = { jars: jar, defaults, policy, sampling };

/** The keys that an object at this path may have, to guess what a mistyped one meant. */
export function knownKeys(path: readonly PropertyKey[]): string[] {
  const part = path.findLast((key) => Object.hasOwn(PARTS, key)) ?? "";
  return Object.keys((PARTS[part] ?? JAR_FILE_SCHEMA).shape);
}
