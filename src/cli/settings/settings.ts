import type { Criterion } from "../../budget/demand.ts";
import { BrainjarError } from "../../budget/error.ts";
import { DEFAULT_POLICY, type Policy } from "../../budget/policy.ts";
import type { Estimator } from "../../footprint/footprint.ts";
import type { KvCacheType } from "../../llama_cpp/ggml/types.ts";
import { chooseJars } from "./choose_jars.ts";
import type { ContextWishes, JarSet, NamedJar } from "../jar_file/jar_set.ts";
import { isUrl } from "../../plan/model_path.ts";
import { didYouMean } from "../flags/did_you_mean.ts";
import type { FlagValues } from "../flags/values.ts";
import type { ContextSettings, JarSettings, OtherMachine, Settings } from "../../plan/settings.ts";

/** Reads the context flags that `estimate`, `measure` and every jar share, put over `wishes`. */
export function readContextSettings(
  values: FlagValues,
  wishes: ContextWishes = {},
): ContextSettings {
  const contextSize = values.number("context-size") ?? wishes.contextSize;
  const kvCacheType = values.text("kv-cache-type")?.toUpperCase() ?? wishes.kvCacheType ?? "F16";
  const flashAttention = values.text("flash-attention") ?? wishes.flashAttention ?? "auto";
  return {
    ...(contextSize === undefined ? {} : { contextSize }),
    batchSize: values.number("batch-size") ?? wishes.batchSize ?? 512,
    sequences: values.number("sequences") ?? 1,
    kvCacheType: kvCacheType as KvCacheType,
    flashAttention: flashAttention as ContextSettings["flashAttention"],
    mmap: values.has("no-mmap") ? false : wishes.mmap ?? true,
  };
}

/** What settings are read from beside the flags. */
export interface SettingsSources {
  /** `$BRAINJAR_MODEL`. */
  readonly environmentModel: string | undefined;
  /** Hears what was found without being asked for; nobody where it is absent. */
  readonly say?: (text: string) => void;
}

/**
 * Settles what `run`, `check` and `recommend` work on: a mode's jars or a jar file's, with flags
 * put over them.
 *
 * @throws BrainjarError `unknown-jar` for a jar's flag that no jar answers to, `conflicting-flags`,
 * `unknown-runner`, `model-not-found` for a model that the jar file names, and what reading a jar
 * file throws.
 */
export async function readSettings(
  values: FlagValues,
  { environmentModel, say = () => {} }: SettingsSources,
): Promise<Settings> {
  const machine = await readMachine(values);
  const set = await chooseJars(values, say);
  const models = byJar(values.jarTexts("model"), "model", set);
  const limits = byJar(values.jarSizes("ram-limit"), "ram-limit", set);
  const cpu = values.text("cpu") ?? machine.cpu;
  return {
    mode: set.mode,
    ...(set.file === undefined ? {} : { jarFile: set.file }),
    jars: set.jars.map((jar): JarSettings => {
      const ramLimitBytes = limits.get(jar.id) ?? jar.ramLimitBytes;
      const { introduction } = jar;
      return {
        id: jar.id,
        role: jar.role,
        ...chooseModel(models.get(jar.id) ?? values.text("model"), jar, environmentModel),
        ...(ramLimitBytes === undefined ? {} : { ramLimitBytes }),
        ...(introduction === undefined ? {} : { introduction }),
        context: readContextSettings(values, jar.context),
      };
    }),
    policy: readPolicy(values, { ...DEFAULT_POLICY, ...set.policy }),
    estimator: (values.text("estimator") ?? "header") as Estimator,
    ...(cpu === undefined ? {} : { cpu }),
    ...(machine.other === undefined ? {} : { machine: machine.other }),
  };
}

/** The model that a jar gets: a flag's, the jar file's, the environment's, else the demo brain. */
function chooseModel(
  flag: string | undefined,
  jar: NamedJar,
  environmentModel: string | undefined,
): Pick<JarSettings, "model" | "modelFrom"> {
  if (flag !== undefined) return { model: flag, modelFrom: "flag" };
  if (jar.model !== undefined) {
    checkModel(jar.model, jar.modelPlace);
    return { model: jar.model, modelFrom: "file" };
  }
  return environmentModel
    ? { model: environmentModel, modelFrom: "environment" }
    : { modelFrom: "demo" };
}

/** For a model that a file names: reading it would not say where it was named. */
function checkModel(model: string, place: string | undefined): void {
  if (isUrl(model)) return;
  try {
    Deno.statSync(model);
  } catch (cause) {
    // Any other failure is told where the file is read.
    if (!(cause instanceof Deno.errors.NotFound)) return;
    throw new BrainjarError(
      "model-not-found",
      `Model file not found: ${model} (named at ${place})`,
      { hint: "A jar file's models are looked for from its own folder", cause },
    );
  }
}

function readPolicy(values: FlagValues, policy: Policy): Policy {
  return {
    safetyMarginPercent: values.number("safety-margin") ?? policy.safetyMarginPercent,
    allocationHeadroomBytes: values.size("allocation-headroom") ?? policy.allocationHeadroomBytes,
    loadHeadroomBytes: values.size("load-headroom") ?? policy.loadHeadroomBytes,
    criterion: (values.text("criterion") ?? policy.criterion) as Criterion,
    shareWeights: values.has("no-share-weights") ? false : policy.shareWeights,
  };
}

/** A machine that isn't this one, by its sizes or by a runner's name. */
async function readMachine(
  values: FlagValues,
): Promise<{ readonly other?: OtherMachine; readonly cpu?: string }> {
  const runner = values.text("runner");
  const described = readOtherMachine(values);
  if (runner === undefined) return described === undefined ? {} : { other: described };
  if (described !== undefined) {
    throw new BrainjarError(
      "conflicting-flags",
      `Flags "--runner" and "${described.name}" exclude each other`,
      { hint: "Give a runner's name, or a machine's sizes" },
    );
  }
  const runners: typeof import("./runners.ts") = await import("./runners.ts" as string);
  const { totalBytes, availableBytes, cpu } = runners.findRunner(runner);
  return { other: { name: `--runner ${runner}`, totalBytes, availableBytes }, cpu };
}

function readOtherMachine(values: FlagValues): OtherMachine | undefined {
  const totalBytes = values.size("total-memory");
  const availableBytes = values.size("available-memory");
  if (totalBytes === undefined && availableBytes === undefined) return undefined;
  if (totalBytes !== undefined && availableBytes !== undefined && availableBytes > totalBytes) {
    throw new BrainjarError("invalid-value", "--available-memory is larger than --total-memory", {
      hint: "What is free is a part of the total",
    });
  }
  return {
    name: totalBytes === undefined ? "--available-memory" : "--total-memory",
    ...(totalBytes === undefined ? {} : { totalBytes }),
    ...(availableBytes === undefined ? {} : { availableBytes }),
  };
}

/** A per-jar flag's values by jar id; a role that several jars play names all of them. */
function byJar<Value>(
  given: ReadonlyMap<string, Value>,
  flag: string,
  { mode, file, jars }: JarSet,
): ReadonlyMap<string, Value> {
  const values = new Map<string, Value>();
  const ids = jars.map((jar) => jar.id);
  for (const [name, value] of given) {
    const meant = jars.filter((jar) => jar.id === name || jar.role === name);
    if (meant.length === 0) {
      const where = file === undefined ? `Mode "${mode}"` : `Jar file ${file}`;
      throw new BrainjarError("unknown-jar", `${where} has no jar "${name}"`, {
        hint: `${
          didYouMean(`--${flag}-${name}`, ids.map((id) => `--${flag}-${id}`))
        } Its jars are ${ids.join(", ")}`,
      });
    }
    for (const jar of meant) {
      // A jar's own flag overrides its role's.
      if (jar.id === name || !given.has(jar.id)) values.set(jar.id, value);
    }
  }
  return values;
}
