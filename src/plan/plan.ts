import type { InstanceDemand } from "../budget/demand.ts";
import type { MachineMemory } from "../budget/memory.ts";
import { validateMemoryBudget } from "../budget/validate.ts";
import type { Validation } from "../budget/validation.ts";
import { checkGenerates } from "../llama_cpp/models/architectures.ts";
import { checkPositions, largestContextThatFits } from "../footprint/context_size.ts";
import type { Footprint } from "../footprint/footprint.ts";
import type { FootprintOptions } from "../llama_cpp/options.ts";
import type { GgufHeader } from "../gguf/header.ts";
import { footprintOf, keptRatio, resolveContext } from "./footprint_of.ts";
import { demoBrainPath, resolveModel } from "./model_path.ts";
import type { JarSettings, Settings } from "./settings.ts";
import type { World } from "./host.ts";

/** A jar whose model was read and whose memory was estimated. */
export interface PlannedJar {
  readonly settings: JarSettings;
  readonly header: GgufHeader;
  /** How the context is to be made. */
  readonly options: FootprintOptions;
  readonly footprint: Footprint;
  readonly demand: InstanceDemand;
}

/** The jars and what layer 1 says of them together. */
export interface Plan {
  readonly settings: Settings;
  readonly memory: MachineMemory;
  readonly jars: readonly PlannedJar[];
  readonly validation: Validation;
}

/**
 * Reads every jar's model, estimates its memory and validates the sum: layer 1, in one line from
 * settings to verdict.
 *
 * @throws BrainjarError for a model that can't be read, or that no engine has an architecture for.
 */
export async function planJars(
  settings: Settings,
  memory: MachineMemory,
  world: World,
): Promise<Plan> {
  const jars: PlannedJar[] = [];
  for (const jar of settings.jars) jars.push(await planJar(jar, settings, world));
  const validation = validateMemoryBudget({
    mode: settings.mode,
    instances: jars.map((jar) => jar.demand),
    memory,
    policy: settings.policy,
  });
  return { settings, memory, jars, validation };
}

async function planJar(jar: JarSettings, settings: Settings, world: World): Promise<PlannedJar> {
  const model = jar.model === undefined ? demoBrainPath() : resolveModel(jar.model);
  const header = await world.readHeader(model);
  checkGenerates(header);
  const options = await sizeContext(jar, header, settings, world);
  checkPositions(header, options.contextSize);
  const footprint = await footprintOf(
    { header, model, options, estimator: settings.estimator },
    world,
  );
  const demand: InstanceDemand = {
    id: jar.id,
    role: jar.role,
    // As reports may show it: a URL's secrets are left out.
    model: header.parts[0]?.path ?? model,
    ...(jar.ramLimitBytes === undefined ? {} : { ramLimitBytes: jar.ramLimitBytes }),
    footprint: footprint.jar,
  };
  return { settings: jar, header, options, footprint, demand };
}

/**
 * A RAM limit sizes the jar: the largest context whose footprint fits it, capped by --context-size
 * and the model's training length (src/budget/README.md, "The run"). Where not even the smallest fits, the
 * jar keeps the smallest, and layer 1 warns that its limit is too low.
 */
async function sizeContext(
  jar: JarSettings,
  header: GgufHeader,
  settings: Settings,
  world: World,
): Promise<FootprintOptions> {
  const options = resolveContext(header, jar.context);
  if (jar.ramLimitBytes === undefined) return options;
  const { ratio } = await keptRatio(header, options.mmap, world);
  const contextSize = await largestContextThatFits(
    header,
    options,
    await world.cpu(),
    jar.ramLimitBytes,
    settings.policy.criterion,
    jar.context.contextSize,
    ratio,
  );
  return resolveContext(header, { ...jar.context, contextSize });
}
