import type { Criterion, Mode, Role } from "../budget/demand.ts";
import { BrainjarError } from "../budget/error.ts";
import { DEFAULT_POLICY, type Policy } from "../budget/policy.ts";
import { CASTS } from "../experiment/roles.ts";
import type { Estimator } from "../footprint/footprint.ts";
import type { KvCacheType } from "../footprint/ggml_type.ts";
import { didYouMean } from "./nearest.ts";
import type { FlagValues } from "./values.ts";

/** How models are loaded and contexts made, as asked for; `auto` not yet resolved. */
export interface ContextSettings {
  /** Absent: 4096 or the model's own, or what a RAM limit leaves room for. */
  readonly contextSize?: number;
  readonly batchSize: number;
  readonly sequences: number;
  readonly kvCacheType: KvCacheType;
  readonly flashAttention: "on" | "off" | "auto";
  readonly mmap: boolean;
}

/** One jar as asked for, before its model is looked at. */
export interface JarSettings {
  readonly id: string;
  readonly role: Role;
  /** A path as typed; absent for the demo brain. */
  readonly model?: string;
  readonly ramLimitBytes?: number;
  readonly context: ContextSettings;
}

/** A machine that isn't this one, as far as it was described. */
export interface OtherMachine {
  /** The flag or table that described it. */
  readonly name: string;
  /** Absent: this machine's. */
  readonly totalBytes?: number;
  /** Absent: all of a given total, else what this machine has available. */
  readonly availableBytes?: number;
}

/** Everything that flags and environment say about which jars are judged, and how. */
export interface Settings {
  readonly mode: Mode;
  readonly jars: readonly JarSettings[];
  readonly policy: Policy;
  readonly estimator: Estimator;
  /** A processor of the table instead of this one. */
  readonly cpu?: string;
  readonly machine?: OtherMachine;
}

/** Reads the context flags that `estimate`, `measure` and every jar share. */
export function readContextSettings(values: FlagValues): ContextSettings {
  const contextSize = values.number("context-size");
  return {
    ...(contextSize === undefined ? {} : { contextSize }),
    batchSize: values.number("batch-size") ?? 512,
    sequences: values.number("sequences") ?? 1,
    kvCacheType: (values.text("kv-cache-type") ?? "f16").toUpperCase() as KvCacheType,
    flashAttention: (values.text("flash-attention") ?? "auto") as ContextSettings["flashAttention"],
    mmap: !values.has("no-mmap"),
  };
}

/**
 * Settles what `run`, `check` and `recommend` work on.
 *
 * @throws BrainjarError `unknown-jar` for a jar's flag outside its mode.
 */
export function readSettings(values: FlagValues, environmentModel: string | undefined): Settings {
  const mode = (values.text("mode") ?? "single") as Mode;
  const jars = CASTS[mode];
  const models = byJar(values.jarTexts("model"), "model", jars, mode);
  const limits = byJar(values.jarSizes("ram-limit"), "ram-limit", jars, mode);
  const context = readContextSettings(values);
  const fallback = values.text("model") ?? (environmentModel || undefined);
  const cpu = values.text("cpu");
  const machine = readOtherMachine(values);
  return {
    mode,
    jars: jars.map(({ id, role }) => {
      const model = models.get(id) ?? fallback;
      const ramLimitBytes = limits.get(id);
      return {
        id,
        role,
        ...(model === undefined ? {} : { model }),
        ...(ramLimitBytes === undefined ? {} : { ramLimitBytes }),
        context,
      };
    }),
    policy: readPolicy(values),
    estimator: (values.text("estimator") ?? "header") as Estimator,
    ...(cpu === undefined ? {} : { cpu }),
    ...(machine === undefined ? {} : { machine }),
  };
}

function readPolicy(values: FlagValues): Policy {
  return {
    safetyMarginPercent: values.number("safety-margin") ?? DEFAULT_POLICY.safetyMarginPercent,
    allocationHeadroomBytes: values.size("allocation-headroom") ??
      DEFAULT_POLICY.allocationHeadroomBytes,
    loadHeadroomBytes: values.size("load-headroom") ?? DEFAULT_POLICY.loadHeadroomBytes,
    criterion: (values.text("criterion") ?? DEFAULT_POLICY.criterion) as Criterion,
    shareWeights: !values.has("no-share-weights"),
  };
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
  jars: readonly { readonly id: string; readonly role: Role }[],
  mode: Mode,
): ReadonlyMap<string, Value> {
  const values = new Map<string, Value>();
  const ids = jars.map((jar) => jar.id);
  for (const [name, value] of given) {
    const meant = jars.filter((jar) => jar.id === name || jar.role === name);
    if (meant.length === 0) {
      throw new BrainjarError("unknown-jar", `Mode "${mode}" has no jar "${name}"`, {
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
