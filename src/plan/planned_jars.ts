import { defined } from "../budget/defined.ts";
import { memoryFor } from "../budget/allocated_memory.ts";
import type { InstanceDemand, JarFootprint, LayersOnDevices } from "../budget/demand.ts";
import type { MachineMemory } from "../budget/memory.ts";
import { validateMemoryBudget } from "../budget/validate.ts";
import type { Validation } from "../budget/validation.ts";
import { checkPositions, largestContext } from "../footprint/context_size.ts";
import type { Footprint } from "../footprint/footprint.ts";
import { loadModule } from "../load_module.ts";
import type { FootprintOptions, Offload } from "../llama_cpp/options.ts";
import type { GgufHeader } from "../gguf/header.ts";
import { footprintOf, type FootprintRequest, resolveContext } from "./footprint_of.ts";
import type { Host, RunnableModel } from "./host.ts";
import { demoBrainPath } from "./model_path.ts";
import type { JarSettings, Settings } from "./settings.ts";

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

/** The jars of a plan with their layers settled, and what layer 1 says of them. */
export async function planWith(
  host: Host,
  settings: Settings,
  memory: MachineMemory,
  offloading?: Offloading,
): Promise<Plan> {
  const jars: PlannedJar[] = [];
  const names = new Map<string, string>();
  for (const jar of settings.jars) {
    const { jar: planned, load } = await planJar(jar, { host, settings, names }, offloading);
    offloading?.add(load, planned);
    jars.push(planned);
  }
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

/** A model to be estimated by its header. */
export type ModelRequest =
  & Omit<FootprintRequest, "estimator" | "read">
  & Pick<RunnableModel, "read">;

/** What of each jar's model lies on devices, as the jars before it leave them. */
export interface Offloading {
  /** How many layers of a jar's model are there. */
  layersOf(jar: JarSettings, model: RunnableModel): LayersOnDevices;
  /** Where a load of a model would put its layers. */
  offload(load: string, layers: number): Offload;
  /**
   * A jar's footprint with the most that each device may get: where the bound of a device's share is
   * near, layers may turn out to lie on either side of it when the model is loaded.
   */
  withOtherShares(jar: JarFootprint, request: ModelRequest): Promise<JarFootprint>;
  /** A jar on such a load takes its place. */
  add(load: string, planned: PlannedJar): void;
}

/** What all jars of a plan have in common. */
interface Planning {
  readonly host: Host;
  readonly settings: Settings;
  /** Of the loads so far by what tells them apart: a load is called by one of its names only. */
  readonly names: Map<string, string>;
}

async function planJar(
  jar: JarSettings,
  { host, settings, names }: Planning,
  offloading: Offloading | undefined,
): Promise<{ readonly jar: PlannedJar; readonly load: string }> {
  const model = await host.readRunnable(jar.model ?? demoBrainPath());
  const { name, key, header, read } = model;
  const gpuLayers = offloading?.layersOf(jar, model);
  // Jars whose models lie elsewhere can't share them.
  const load = gpuLayers === undefined ? key : `${key} ${gpuLayers.count}`;
  const offload = gpuLayers && offloading?.offload(load, gpuLayers.count);
  const options = await sizeContext(jar, model, { settings, host }, offload);
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
  const called = names.get(load) ?? nameApart(name, [...names.values()]);
  names.set(load, called);
  const demand: InstanceDemand = {
    id: jar.id,
    role: jar.role,
    model: called,
    ...defined({ ramLimitBytes: jar.ramLimitBytes, gpuLayers }),
    footprint: await offloading?.withOtherShares(footprint.jar, { header, key, read, options }) ??
      footprint.jar,
  };
  return { jar: { settings: jar, header, options, footprint, inMemoryBytes, demand }, load };
}

/**
 * Two URLs may differ in nothing but what isn't shown of them, and two loads of one model in where
 * it lies: then the second is numbered.
 */
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
  { settings, host }: Pick<Planning, "settings" | "host">,
  offload: Offload | undefined,
): Promise<FootprintOptions> {
  const options = await resolveContext(header, jar.context, offload);
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
  return await resolveContext(header, { ...jar.context, contextSize }, offload);
}
