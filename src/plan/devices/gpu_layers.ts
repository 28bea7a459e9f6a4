import { mostThatPass } from "../../budget/advice/most_that_pass.ts";
import { deviceOf } from "../../budget/advice/needed.ts";
import type { JarFootprint, LayersOnDevices } from "../../budget/demand.ts";
import { BrainjarError } from "../../budget/error.ts";
import { RAM } from "../../budget/pools/pools.ts";
import type { MachineMemory } from "../../budget/memory.ts";
import { mostOnDevices } from "../../footprint/device_bytes.ts";
import { otherShares } from "../../llama_cpp/memory/placement.ts";
import type { Device, GpuLayers, Offload } from "../../llama_cpp/options.ts";
import { withoutDevices } from "./devices.ts";
import { withoutBrokenFlashAttention } from "./broken_flash_attention.ts";
import { DeviceFilling } from "./device_filling.ts";
import { footprintOf } from "../footprint_of.ts";
import type { Host, RunnableModel } from "../host.ts";
import { demoBrainPath } from "../model_path.ts";
import {
  type ModelRequest,
  type Offloading,
  type Plan,
  type PlannedJar,
  planWith,
} from "../planned_jars.ts";
import type { JarSettings, Settings } from "../settings.ts";

/** Layers of each jar's model on devices, by the jar's id. */
type Layers = ReadonlyMap<string, LayersOnDevices>;

/** A jar whose layers are to be found, and how many its model has. */
interface OpenJar {
  readonly id: string;
  readonly key: string;
  readonly of: number;
}

/**
 * A plan on a machine with devices. Where a jar's layers are `auto`, the most that every pool passes
 * with (src/budget/README.md, "Pools"): all such jars alike first, then each model as far as there is
 * room. Where `--gpu auto` finds that not even none of them passes, the CPU computes alone.
 */
export async function planOnDevices(
  host: Host,
  settings: Settings,
  memory: MachineMemory,
): Promise<Plan> {
  const devices = host.devicesOf(memory);
  const fixed = new Map<string, LayersOnDevices>();
  const open: OpenJar[] = [];
  for (const jar of settings.jars) {
    const model = await host.readRunnable(jar.model ?? demoBrainPath());
    const of = layersOf(model);
    const asked = jar.context.gpuLayers;
    if (asked === "auto") open.push({ id: jar.id, key: model.key, of });
    else fixed.set(jar.id, { count: countOf(asked, of), of, isFound: false });
  }
  const computed = settingsOn(devices, settings);
  const plan = (layers: Layers) =>
    planWith(host, computed, memory, new Filling(host, devices, layers));
  if (open.length === 0) return await plan(fixed);
  const found = await findMostLayers({ fixed, open, plan, devices });
  if (found.validation.ok || settings.gpu !== "auto" || !failsOnDevice(found)) return found;
  // Nobody asked for a device: it is left alone where it has no room.
  const names = devices.map(({ id }) => id).join(" and ");
  const why = `There is no room on ${names}, not even without layers there: the CPU computes alone`;
  const alone = await planWith(host, { ...settings, gpu: "off" }, withoutDevices(memory, why));
  return alone.validation.ok ? alone : found;
}

/** The settings as these devices may compute them. */
export function settingsOn(devices: readonly Device[], settings: Settings): Settings {
  const jars = settings.jars.map((jar) => ({
    ...jar,
    context: withoutBrokenFlashAttention(jar.context, devices),
  }));
  return { ...settings, jars };
}

/** All layers of a model that may lie on a device, its output counted as one. */
export function layersOf({ read: { shape } }: Pick<RunnableModel, "read">): number {
  return shape.allLayerCount + 1;
}

/** A number of layers that was asked for, of so many; more than there are mean all. */
export function countOf(asked: Exclude<GpuLayers, "auto">, of: number): number {
  return asked === "all" ? of : Math.min(asked, of);
}

interface Search {
  readonly fixed: Layers;
  readonly open: readonly OpenJar[];
  readonly plan: (layers: Layers) => Promise<Plan>;
  readonly devices: readonly Device[];
}

async function findMostLayers({ fixed, open, plan, devices }: Search): Promise<Plan> {
  const counts = new Map(open.map(({ id }) => [id, 0]));
  const most = Math.max(...open.map(({ of }) => of));
  const heldBy = new Map<string, string>();
  const withCounts = (changed: ReadonlyMap<string, number>) =>
    plan(
      new Map([
        ...fixed,
        ...open.map(({ id, of }): [string, LayersOnDevices] => {
          const count = Math.min(of, changed.get(id) ?? counts.get(id) ?? 0);
          const pool = count < of ? heldBy.get(id) : undefined;
          return [id, {
            count,
            of,
            isFound: true,
            ...(pool === undefined ? {} : { heldBy: pool }),
          }];
        }),
      ]),
    );

  /** Gives these jars as many layers as pass, no fewer than `least`. */
  const raise = async (jars: readonly OpenJar[], least: number, greatest: number) => {
    const at = (count: number) => withCounts(new Map(jars.map(({ id }) => [id, count])));
    const { count, refused } = await mostThatPass(
      async (count) => await foundOrRefused(at(count)),
      (tried) => tried === CACHE_TOO_LARGE || failsOnDevice(tried),
      { least, greatest },
    );
    for (const { id, of } of jars) {
      counts.set(id, Math.min(of, count));
      if (refused !== undefined) heldBy.set(id, deciding(refused, devices));
    }
  };

  await raise(open, 0, most);
  const models = new Map<string, OpenJar[]>();
  for (const jar of open) models.set(jar.key, [...models.get(jar.key) ?? [], jar]);
  if (models.size > 1) {
    for (const jars of models.values()) {
      const [first] = jars;
      if (first === undefined) continue;
      const has = counts.get(first.id) ?? 0;
      if (has < first.of) await raise(jars, has, first.of);
    }
  }
  return await withCounts(counts);
}

/** A device can't look at a cache that would lie on it. */
export const CACHE_TOO_LARGE = "cache-too-large";

/** Fewer layers there are no error: without any the cache lies in RAM. */
export async function foundOrRefused<Found>(
  found: Promise<Found>,
): Promise<Found | typeof CACHE_TOO_LARGE> {
  try {
    return await found;
  } catch (error) {
    if (error instanceof BrainjarError && error.code === CACHE_TOO_LARGE) return CACHE_TOO_LARGE;
    throw error;
  }
}

function failsOnDevice({ validation }: Plan): boolean {
  return validation.issues.some(deviceOf);
}

/** The pool that decided: of a cache that is too large the first device, which all are like. */
function deciding(refused: Plan | typeof CACHE_TOO_LARGE, [first]: readonly Device[]): string {
  if (refused === CACHE_TOO_LARGE) return first?.id ?? RAM;
  return refused.validation.issues.map(deviceOf).find((pool) => pool !== undefined) ?? RAM;
}

/** Jars that are planned one after another on devices that fill. */
export class Filling implements Offloading {
  readonly #filling: DeviceFilling;
  readonly #layers: Layers;
  readonly #host: Host;

  constructor(host: Host, devices: readonly Device[], layers: Layers) {
    this.#host = host;
    this.#filling = new DeviceFilling(devices);
    this.#layers = layers;
  }

  layersOf(jar: JarSettings, model: RunnableModel): LayersOnDevices {
    return this.#layers.get(jar.id) ?? { count: 0, of: layersOf(model), isFound: false };
  }

  offload(load: string, gpuLayers: number): Offload {
    return { devices: this.#filling.seenBy(load), gpuLayers };
  }

  async withOtherShares(
    jar: JarFootprint,
    { options, ...model }: ModelRequest,
  ): Promise<JarFootprint> {
    if (jar.devices === undefined || options.offload === undefined) return jar;
    const others = otherShares(model.read.shape.allLayerCount, options.offload);
    if (others.length === 0) return jar;
    const ways = await Promise.all(
      others.map((offload) =>
        footprintOf(
          { ...model, options: { ...options, offload }, estimator: "header" },
          this.#host,
        )
      ),
    );
    const devices = mostOnDevices([jar.devices, ...ways.map((way) => way.jar.devices ?? [])]);
    return { ...jar, devices };
  }

  add(load: string, { options, footprint }: PlannedJar): void {
    this.#filling.add(load, options.offload?.devices ?? [], footprint.devices ?? []);
  }
}
