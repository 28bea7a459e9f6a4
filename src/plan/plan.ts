import type { MachineMemory, MemoryWarning } from "../budget/memory.ts";
import { loadModule } from "../load_module.ts";
import { type Host, openHost } from "./host.ts";
import { type Plan, type PlannedJar, planWith } from "./planned_jars.ts";
import { completeSettings, type PlanRequest, type Settings } from "./settings.ts";

export type { Plan, PlannedJar };

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
  const settings = completeSettings(request);
  await using host = openHost(settings);
  return await planOn(host, settings, await host.readMemory());
}

/**
 * The same on a host that is open, whose memory was read. Where it has devices, layers that nobody
 * gave a number of are found first.
 */
export async function planOn(
  host: Host,
  settings: Settings,
  memory: MachineMemory,
): Promise<Plan> {
  if (memory.devices === undefined || memory.devices.length === 0) {
    const warnings = [...memory.warnings, ...unheardLayers(settings)];
    return await planWith(host, settings, { ...memory, warnings });
  }
  const { planOnDevices } = await loadModule<typeof import("./devices/gpu_layers.ts")>(
    import.meta,
    "./devices/gpu_layers.ts",
  );
  return await planOnDevices(host, settings, memory);
}

/** Layers that somebody wants on devices where there are none; who says `--gpu off` knows. */
function unheardLayers({ gpu, jars }: Settings): MemoryWarning[] {
  const asked = jars.filter(({ context: { gpuLayers } }) =>
    gpuLayers !== "auto" && gpuLayers !== 0
  );
  if (gpu === "off" || asked.length === 0) return [];
  const names = asked.map(({ id }) => `'${id}'`).join(", ");
  const message = `No device computes here: the layers of ${names} stay with the CPU`;
  return [{ code: "no-device-for-layers", message }];
}
