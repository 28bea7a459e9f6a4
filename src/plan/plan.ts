import { defined } from "../budget/defined.ts";
import { memoryFor } from "../budget/allocated_memory.ts";
import type { InstanceDemand } from "../budget/demand.ts";
import type { MachineMemory } from "../budget/memory.ts";
import { validateMemoryBudget } from "../budget/validate.ts";
import type { Validation } from "../budget/validation.ts";
import { checkPositions, largestContext } from "../footprint/context_size.ts";
import type { Footprint } from "../footprint/footprint.ts";
import { loadModule } from "../load_module.ts";
import type { FootprintOptions } from "../llama_cpp/options.ts";
import type { GgufHeader } from "../gguf/header.ts";
import { footprintOf, resolveContext } from "./footprint_of.ts";
import { type Host, openHost, type RunnableModel } from "./host.ts";
import { demoBrainPath } from "./model_path.ts";
import { completeSettings, type JarSettings, type PlanRequest, type Settings } from "./settings.ts";

/** A jar whose model was read and whose memory was estimated. */
export interface PlannedJar {
  /** As it was asked for. */
  readonly settings: JarSettings;
  /** Its model's. */
  readonly header: GgufHeader;
  /** How the context is to be made. */
  readonly options: FootprintOptions;
  /** What it needs, part by part. */
  readonly footprint: Footprint;
  /** Bytes of its model's files that lie in memory already, on a RAM disk; not required again. */
  readonly inMemoryBytes: number;
  /** What the budget is asked for. */
  readonly demand: InstanceDemand;
}

/** The jars and what layer 1 says of them together. */
export interface Plan {
  /** What was asked for, with everything settled. */
  readonly settings: Settings;
  /** What the machine had. */
  readonly memory: MachineMemory;
  /** In the order in which they were asked for. */
  readonly jars: readonly PlannedJar[];
  /** Whether they fit together, and every figure it was found by. */
  readonly validation: Validation;
}

/**
 * Reads every jar's model, estimates its memory and validates the sum: layer 1
 * (src/budget/README.md), in one line from what was asked to the verdict.
 *
 * Of a jar only its `id` is needed. Jars on one model share its weights. What doesn't fit is no
 * error: `validation.ok` tells, and `advise` says what would help.
 *
 * @throws {BrainjarError} for a model that can't be read (`model-not-found`, the codes of
 * `readHeader`), that llama.cpp can't load (`model-unloadable`) or can't generate text with, or whose context can't be as asked for,
 * and what `validateMemoryBudget` throws.
 *
 * @example
 * ```ts
 * import { GB } from "../budget/size.ts";
 * import { planJars } from "./plan.ts";
 *
 * const { jars, validation } = await planJars({
 *   jars: [{ id: "mind" }],
 *   machine: { name: "a machine of 4 GB", totalBytes: 4 * GB },
 * });
 * if (!validation.ok || jars[0]?.options.contextSize === 0) throw new Error("The demo brain fits");
 * ```
 */
export async function planJars(request: PlanRequest): Promise<Plan> {
  await using host = openHost(request);
  return await planOn(host, completeSettings(request), await host.readMemory());
}

/** The same on a host that is open, whose memory was read. */
export async function planOn(
  host: Host,
  settings: Settings,
  memory: MachineMemory,
): Promise<Plan> {
  const jars: PlannedJar[] = [];
  const names = new Map<string, string>();
  for (const jar of settings.jars) jars.push(await planJar(jar, settings, host, names));
  return { settings, memory, jars, validation: validatePlanned(jars, settings, memory) };
}

/** Layer 1's answer for jars that were planned. */
export function validatePlanned(
  jars: readonly PlannedJar[],
  { mode, policy }: Settings,
  memory: MachineMemory,
): Validation {
  const instances = jars.map((jar) => jar.demand);
  return validateMemoryBudget({
    mode,
    instances,
    memory: memoryFor(memory, instances, policy),
    policy,
  });
}

/** @param names of the models so far by their keys: a model is called by one of its names only. */
async function planJar(
  jar: JarSettings,
  settings: Settings,
  host: Host,
  names: Map<string, string>,
): Promise<PlannedJar> {
  const model = await host.readRunnable(jar.model ?? demoBrainPath());
  const { name, key, header, read } = model;
  const options = await sizeContext(jar, model, settings, host);
  checkPositions(header, options.contextSize);
  const estimated = await footprintOf(
    { header, key, read, options, estimator: settings.estimator },
    host,
  );
  const inMemoryBytes = options.mmap ? host.bytesInMemory(header) : 0;
  const missingBytes = header.fileBytes - inMemoryBytes;
  const footprint = inMemoryBytes === 0
    ? estimated
    : (await loadModule<typeof import("../footprint/weights_in_memory.ts")>(
      import.meta,
      "../footprint/weights_in_memory.ts",
    )).withWeightsInMemory(estimated, missingBytes, inMemoryBytes);
  const called = names.get(key) ?? nameApart(name, [...names.values()]);
  names.set(key, called);
  const demand: InstanceDemand = {
    id: jar.id,
    role: jar.role,
    model: called,
    ...defined({ ramLimitBytes: jar.ramLimitBytes }),
    footprint: footprint.jar,
  };
  return { settings: jar, header, options, footprint, inMemoryBytes, demand };
}

/** Two URLs may differ in nothing but what isn't shown of them: then the second is numbered. */
function nameApart(name: string, others: readonly string[]): string {
  let apart = name;
  for (let number = 2; others.includes(apart); number++) apart = `${name} (${number})`;
  return apart;
}

/**
 * A RAM limit sizes the jar: the largest context whose footprint fits it, capped by the context
 * size that was asked for and the model's training length (src/budget/README.md, "The run"). Where
 * not even the smallest fits, the jar keeps the smallest, and layer 1 warns that its limit is too
 * low.
 */
async function sizeContext(
  jar: JarSettings,
  { header, key, read }: RunnableModel,
  settings: Settings,
  host: Host,
): Promise<FootprintOptions> {
  const options = await resolveContext(header, jar.context);
  const { ramLimitBytes } = jar;
  if (ramLimitBytes === undefined) return options;
  // Mapped weights that are in memory already take none of the limit.
  const isInMemory = options.mmap && host.bytesInMemory(header) >= header.fileBytes;
  const criterion = isInMemory ? "floor" : settings.policy.criterion;
  const contextSize = await largestContext(
    header,
    jar.context.contextSize ?? Infinity,
    async (contextSize) => {
      // Many jars with limits of their own ask for the same contexts.
      const tried = { header, key, read, options: { ...options, contextSize } };
      const { jar } = await footprintOf({ ...tried, estimator: "header" }, host);
      return (criterion === "floor" ? jar.floorBytes : jar.workingSetBytes) <= ramLimitBytes;
    },
  );
  return await resolveContext(header, { ...jar.context, contextSize });
}
