import { aloneFootprint } from "../budget/alone.ts";
import { mostThatPass } from "../budget/advice/most_that_pass.ts";
import { defined } from "../budget/defined.ts";
import type { MachineMemory } from "../budget/memory.ts";
import { placeJars, type Placement } from "../budget/placement/place.ts";
import { type JarGroup, type MachineKind, roomOn, type Way } from "../budget/placement/problem.ts";
import { poolsOf } from "../budget/pools/pools.ts";
import { withDevices } from "./devices/devices.ts";
import {
  CACHE_TOO_LARGE,
  countOf,
  Filling,
  foundOrRefused,
  layersOf,
  settingsOn,
} from "./devices/gpu_layers.ts";
import type { Host } from "./host.ts";
import { readMemoryOf } from "./machine_memory.ts";
import { demoBrainPath } from "./model_path.ts";
import { type PlannedJar, planWith } from "./planned_jars.ts";
import type { ComputingDevice, JarSettings, OtherMachine, Settings } from "./settings.ts";

/** Machines of one kind, as they were described. */
export interface DescribedMachines {
  readonly machine: OtherMachine;
  readonly count: number;
}

/** Machines that are alike, and what of theirs computes. */
interface ComputingKind extends MachineKind {
  readonly devices: readonly ComputingDevice[];
}

/** Which jars go on which machines, and how they were planned there. */
export interface PlannedPlacement {
  readonly settings: Settings;
  readonly placement: Placement;
}

/**
 * Places the jars of the settings on machines, each jar alone in a process of its own
 * (src/budget/README.md, "Placement"). Jars with the same settings are estimated once.
 *
 * @param host reads the models and knows the processor; it has no devices
 * @throws {BrainjarError} what `planJars` throws
 */
export async function planPlacement(
  host: Host,
  settings: Settings,
  described: readonly DescribedMachines[],
): Promise<PlannedPlacement> {
  const machines: ComputingKind[] = [];
  for (const { machine, count } of described) {
    const devices = settings.gpu === "off" ? [] : (machine.devices ?? [])
      .filter(({ device }) => settings.gpu === "auto" || device.backend === settings.gpu);
    const alone = await readMemoryOf(machine);
    const memory = withDevices(alone, { devices, leftOut: [], warnings: [] });
    machines.push({ name: machine.name, count, memory, devices });
  }
  const groups: JarGroup[] = [];
  const alike = Map.groupBy(settings.jars, (jar) => sameNeeds(jar));
  for (const jars of alike.values()) {
    const [first] = jars;
    if (first !== undefined) groups.push(await groupOf(first, jars, { host, settings, machines }));
  }
  return { settings, placement: placeJars({ groups, machines, policy: settings.policy }) };
}

/** What decides what a jar needs. */
function sameNeeds({ model, role, ramLimitBytes, context }: JarSettings): string {
  return JSON.stringify([model, role, ramLimitBytes, context]);
}

interface Placing {
  readonly host: Host;
  readonly settings: Settings;
  readonly machines: readonly ComputingKind[];
}

/** Jars that need the same, by the first of them. */
async function groupOf(
  jar: JarSettings,
  jars: readonly JarSettings[],
  placing: Placing,
): Promise<JarGroup> {
  const { host, settings, machines } = placing;
  const { name } = await host.readRunnable(jar.model ?? demoBrainPath());
  const asked = jar.context.gpuLayers;
  const doesWithout = settings.gpu === "off" || asked === "auto" || asked === 0;
  const ways: Way[][] = [];
  let without: Way | undefined;
  for (const kind of machines) {
    // The processor alone needs the same everywhere.
    if (doesWithout) without ??= wayOf(await planOne(jar, placing, kind.memory));
    ways.push([
      ...asked === 0 ? [] : await waysOnDevices(jar, placing, kind),
      ...without === undefined ? [] : [without],
    ]);
  }
  return {
    ids: jars.map(({ id }) => id),
    role: jar.role,
    model: name,
    ...defined({ ramLimitBytes: jar.ramLimitBytes }),
    ways,
  };
}

/** One jar alone, with so many of its layers on devices; without any the processor computes alone. */
async function planOne(
  jar: JarSettings,
  { host, settings }: Pick<Placing, "host" | "settings">,
  memory: MachineMemory,
  on?: {
    readonly devices: readonly ComputingDevice[];
    readonly count: number;
    readonly of: number;
  },
): Promise<PlannedJar> {
  const alone = { ...settings, jars: [jar] };
  const devices = on?.devices.map(({ device }) => device) ?? [];
  const isFound = jar.context.gpuLayers === "auto";
  const filling = on &&
    new Filling(host, devices, new Map([[jar.id, { count: on.count, of: on.of, isFound }]]));
  const { jars: [planned] } = await planWith(host, settingsOn(devices, alone), memory, filling);
  if (planned === undefined) throw new RangeError("One jar was planned");
  return planned;
}

function wayOf({ demand: { footprint, gpuLayers } }: PlannedJar): Way {
  return { footprint: aloneFootprint(footprint), ...defined({ gpuLayers }) };
}

/**
 * The ways in which a jar can have layers on devices of a machine: all of them that it asks for on any
 * one device, or the most that one has room for where it asks for none; what no single one holds is
 * shared out among all of them, as llama.cpp does, and shares them with nobody.
 */
async function waysOnDevices(
  jar: JarSettings,
  placing: Placing,
  kind: ComputingKind,
): Promise<Way[]> {
  const ways: Way[] = [];
  for (const device of kind.devices) {
    const way = await wayOn([device], { jar, kind }, placing);
    if (way !== undefined) ways.push(way);
  }
  if (ways.length > 0 || kind.devices.length === 0) return ways;
  // Where it is too much for them all, layer 1 says by how much.
  const shared = await wayOn(kind.devices, { jar, kind, isLast: true }, placing);
  return shared === undefined ? [] : [{ ...shared, ownsDevices: kind.devices.length > 1 }];
}

/** What is tried on devices. */
interface Wanted {
  readonly jar: JarSettings;
  readonly kind: ComputingKind;
  /** Whether it is told even where there is no room. */
  readonly isLast?: boolean;
}

/** With layers on these devices; nothing where they have no room for it. */
async function wayOn(
  devices: readonly ComputingDevice[],
  { jar, kind: { memory }, isLast = false }: Wanted,
  placing: Placing,
): Promise<Way | undefined> {
  const of = layersOf(await placing.host.readRunnable(jar.model ?? demoBrainPath()));
  const at = async (count: number) => {
    const planned = await foundOrRefused(planOne(jar, placing, memory, { devices, count, of }));
    return planned === CACHE_TOO_LARGE ? undefined : wayOf(planned);
  };
  const isTooMuch = (way: Way | undefined) =>
    way === undefined || poolsOf(memory).slice(1).some((pool) => {
      const needed = way.footprint.devices?.find(({ id }) => id === pool.id)?.bytes ?? 0;
      return needed > roomOn(pool, placing.settings.policy);
    });
  const asked = jar.context.gpuLayers;
  if (asked !== "auto") {
    const way = await at(countOf(asked, of));
    return isLast || !isTooMuch(way) ? way : undefined;
  }
  const { count } = await mostThatPass(at, isTooMuch, { least: 0, greatest: of });
  return count === 0 ? undefined : await at(count);
}
