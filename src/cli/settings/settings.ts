import { BrainjarError } from "../../budget/error.ts";
import type { Policy } from "../../budget/policy.ts";
import { loadModule } from "../../load_module.ts";
import { isPath } from "../../gguf/locate.ts";
import { demoBrainPath, rejectUrl } from "../../plan/model_path.ts";
import {
  completeSettings,
  type ContextSettings,
  DEFAULT_CONTEXT,
  type JarRequest,
  type JarSampling,
  type OtherMachine,
  type PlanRequest,
  type Settings,
} from "../../plan/settings.ts";
import { printable } from "../../report/printable.ts";
import { type Defined, defined } from "../../budget/defined.ts";
import { didYouMean } from "../flags/did_you_mean.ts";
import { cacheTypeOf } from "../flags/flags.ts";
import type { FlagValues } from "../flags/values.ts";
import type { JarSet, NamedJar } from "../jar_file/jar_set.ts";
import type { JarFileLimits } from "../jar_file/limits.ts";
import { chooseJars } from "./choose_jars.ts";

/** The context of `estimate` and `measure`: flags put over the defaults. */
export function readContextSettings(values: FlagValues): ContextSettings {
  return { ...DEFAULT_CONTEXT, ...contextFlags(values) };
}

function contextFlags(values: FlagValues): Partial<ContextSettings> {
  return defined({
    contextSize: values.given("context-size"),
    batchSize: values.given("batch-size"),
    sequences: values.given("sequences"),
    kvCacheType: cacheTypeOf(values.given("kv-cache-type")),
    flashAttention: values.given("flash-attention"),
    mmap: values.get("no-mmap") ? false : undefined,
    gpuLayers: values.given("gpu-layers"),
  });
}

/** What settings are read from beside the flags. */
interface SettingsSources {
  /** `$BRAINJAR_MODEL`, or what stands for it. */
  readonly environmentModel?: string | undefined;
  /** Hears what was found without being asked for; nobody where it is absent. */
  readonly say?: (text: string) => void;
  /** Whether a model must be named: an answer about the demo brain would be taken for another's. */
  readonly modelRequired?: boolean;
  /** Whether every model must be a file, because it will be loaded. */
  readonly filesOnly?: boolean;
  /** What a jar file may have; what one run may where it is absent. */
  readonly jarLimits?: JarFileLimits;
}

/**
 * Settles what `run`, `check` and `recommend` work on: a mode's jars or a jar file's, with flags
 * put over them, and the defaults where nothing was said. Says which model is used where nobody
 * named one.
 *
 * @throws BrainjarError `unknown-jar` for a jar's flag that no jar answers to, `conflicting-flags`,
 * `unknown-runner`, `no-model` where one is required, `model-not-found` for a model that the jar file names, `model-not-local`, and
 * what reading a jar file throws.
 */
export async function readSettings(
  values: FlagValues,
  sources: SettingsSources = {},
): Promise<Settings> {
  const { environmentModel = Deno.env.get("BRAINJAR_MODEL"), say = () => {} } = sources;
  const machine = await readMachine(values);
  const set = await chooseJars(values, say, sources.jarLimits);
  const models = byJar(values.perJar("model"), "model", set);
  const limits = byJar(values.perJar("ram-limit"), "ram-limit", set);
  const layers = byJar(values.perJar("gpu-layers"), "gpu-layers", set);
  const prompts = byJar(values.perJar("prompt"), "prompt", set);
  const launchers = byJar(values.perJar("launcher"), "launcher", set);
  const samplings = samplingFlags(values, set);
  const promptOf = await promptReader(set, prompts);
  const named = await Promise.all(set.jars.map(async (jar) => ({
    jar,
    model: models.get(jar.id) ?? values.get("model") ?? await modelOfFile(jar),
  })));
  const isUnnamed = named.some(({ model }) => model === undefined);
  const unnamedModel = environmentModel || undefined;
  if (isUnnamed && unnamedModel === undefined && sources.modelRequired) throw noModel();
  const settings = completeSettings({
    ...set,
    jars: named.map(({ jar, model = unnamedModel }): JarRequest => {
      const { id, role, ramLimitBytes } = jar;
      const prompt = promptOf(jar);
      const launcher = launchers.get(id) ?? values.get("launcher") ?? jar.launcher;
      return {
        id,
        role,
        ...defined({ model, ramLimitBytes: limits.get(id) ?? ramLimitBytes, prompt, launcher }),
        sampling: { ...jar.sampling, ...samplings.get(id) },
        context: {
          ...jar.context,
          ...contextFlags(values),
          ...defined({ gpuLayers: layers.get(id) }),
        },
      };
    }),
    policy: { ...set.policy, ...policyFlags(values) },
    estimator: values.get("estimator"),
    ...machine,
    ...defined({ cpu: values.get("cpu") }),
    gpu: values.get("gpu"),
  });
  if (sources.filesOnly) { for (const { model = "" } of settings.jars) rejectUrl(model); }
  if (isUnnamed) say(whichModel(unnamedModel));
  return settings;
}

function noModel(): BrainjarError {
  return new BrainjarError("no-model", "No model is named", {
    hint: "Give --model, or set $BRAINJAR_MODEL (it is empty or not set); " +
      `--model ${demoBrainPath()} is the demo brain, which a terminal gets without asking`,
  });
}

function whichModel(environmentModel: string | undefined): string {
  return environmentModel === undefined
    ? "Using the demo brain; name a model with --model or $BRAINJAR_MODEL\n"
    : `Using $BRAINJAR_MODEL: ${printable(environmentModel)}\n`;
}

/**
 * The model that the jar file names for a jar; that it is there is looked at now, since reading it
 * would not say where it was named.
 */
async function modelOfFile(jar: NamedJar): Promise<string | undefined> {
  const { model, modelPlace, modelWritten } = jar;
  if (model === undefined || !isPath(model)) return model;
  try {
    Deno.statSync(model);
  } catch (cause) {
    // Any other failure is told where the file is read.
    if (!(cause instanceof Deno.errors.NotFound)) return model;
    throw new BrainjarError(
      "model-not-found",
      `Model file not found: ${model} (named at ${modelPlace?.()})`,
      { hint: await hintForFile(model, modelWritten), cause },
    );
  }
  return model;
}

async function hintForFile(model: string, written = model): Promise<string> {
  const { meantName } = await loadModule<
    typeof import("../../gguf/other_files/not_found.ts")
  >(import.meta, "../../gguf/other_files/not_found.ts");
  const meant = meantName(written);
  return meant === undefined
    ? "A jar file's models are looked for from its own folder"
    : `Did you mean "${meant}"?`;
}

/** Reads each jar's prompt; the code for it is loaded where one has its own. */
async function promptReader(
  { jars }: JarSet,
  flags: ReadonlyMap<string, string>,
): Promise<(jar: NamedJar) => string | undefined> {
  if (flags.size === 0 && jars.every(({ prompt }) => prompt === undefined)) return () => undefined;
  const { readPrompt } = await loadModule<typeof import("./prompts.ts")>(
    import.meta,
    "./prompts.ts",
  );
  return ({ id, prompt, promptIsFile = false, promptPlace }) => {
    const typed = flags.get(id);
    if (typed !== undefined) return readPrompt({ given: typed, isFile: true });
    if (prompt === undefined) return undefined;
    return readPrompt({ given: prompt, isFile: promptIsFile, ...defined({ place: promptPlace }) });
  };
}

/** What flags say of each jar's sampling: one for all jars, then one for each. */
function samplingFlags(values: FlagValues, set: JarSet): ReadonlyMap<string, JarSampling> {
  const temperature = byJar(values.perJar("temperature"), "temperature", set);
  const topP = byJar(values.perJar("top-p"), "top-p", set);
  const maxTokens = byJar(values.perJar("max-tokens"), "max-tokens", set);
  return new Map(set.jars.map(({ id }) => [
    id,
    defined({
      temperature: temperature.get(id) ?? values.given("temperature"),
      topP: topP.get(id) ?? values.given("top-p"),
      maxTokens: maxTokens.get(id) ?? values.given("max-tokens"),
    }),
  ]));
}

function policyFlags(values: FlagValues): Defined<Policy> {
  return defined({
    safetyMarginPercent: values.given("safety-margin"),
    allocationHeadroomBytes: values.given("allocation-headroom"),
    loadHeadroomBytes: values.given("load-headroom"),
    criterion: values.given("criterion"),
    shareWeights: values.get("no-share-weights") ? false : undefined,
  });
}

/** A machine that isn't this one, by its sizes or by a runner's name. */
async function readMachine(values: FlagValues): Promise<Pick<PlanRequest, "machine" | "cpu">> {
  const runner = values.get("runner");
  const described = await readOtherMachine(values);
  if (runner === undefined) return defined({ machine: described });
  if (described !== undefined) {
    throw new BrainjarError(
      "conflicting-flags",
      `Flags "--runner" and "${described.name}" exclude each other`,
      { hint: "Give a runner's name, or a machine's sizes" },
    );
  }
  const { findRunner } = await loadModule<typeof import("./runners.ts")>(
    import.meta,
    "./runners.ts",
  );
  const { totalBytes, availableBytes, cpu, devices } = findRunner(runner);
  const name = `--runner ${runner}`;
  return { machine: { name, totalBytes, availableBytes, ...defined({ devices }) }, cpu };
}

async function readOtherMachine(values: FlagValues): Promise<OtherMachine | undefined> {
  const totalBytes = values.get("total-memory");
  const availableBytes = values.get("available-memory");
  const onlyDevices = await readDevicesOnly(values);
  if (totalBytes === undefined && availableBytes === undefined) return onlyDevices;
  if (totalBytes !== undefined && availableBytes !== undefined && availableBytes > totalBytes) {
    throw new BrainjarError("invalid-value", "--available-memory is larger than --total-memory", {
      hint: "What is free is a part of the total: give as much as that, or less",
    });
  }
  const name = totalBytes === undefined ? "--available-memory" : "--total-memory";
  return { name, ...defined({ totalBytes, availableBytes, devices: onlyDevices?.devices }) };
}

/** A machine of which nothing but its devices is described, if they are. */
export async function readDevicesOnly(values: FlagValues): Promise<OtherMachine | undefined> {
  const text = values.get("devices");
  if (text === undefined) return undefined;
  const { parseDevices } = await loadModule<typeof import("./devices.ts")>(
    import.meta,
    "./devices.ts",
  );
  return { name: "--devices", devices: parseDevices(text) };
}

/** A per-jar flag's values by jar id; a role that several jars play names all of them. */
function byJar<Value>(
  given: ReadonlyMap<string, Value>,
  flag: string,
  { mode, jarFile, jars }: JarSet,
): ReadonlyMap<string, Value> {
  const values = new Map<string, Value>();
  const ids = jars.map((jar) => jar.id);
  for (const [name, value] of given) {
    const meant = jars.filter((jar) => jar.id === name || jar.role === name);
    if (meant.length === 0) {
      const where = jarFile === undefined ? `Mode "${mode}"` : `Jar file ${jarFile}`;
      throw new BrainjarError("unknown-jar", `${where} has no jar "${name}"`, {
        hint: didYouMean(
          `--${flag}-${name}`,
          ids.map((id) => `--${flag}-${id}`),
          `Its ${ids.length === 1 ? "jar is" : "jars are"} ${ids.join(", ")}`,
        ),
      });
    }
    for (const jar of meant) {
      // A jar's own flag overrides its role's.
      if (jar.id === name || !given.has(jar.id)) values.set(jar.id, value);
    }
  }
  return values;
}
