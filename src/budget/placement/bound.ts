import { FIRST_DEVICE, type Problem } from "./problem.ts";

/**
 * What a need counts for beside others in one machine, by a function that is superadditive: of needs
 * that fit in a room together, the values sum to no more than the room's own. Whole bytes in, so that
 * a need of exactly a third is one.
 */
type Value = (bytes: number) => number;

/** A function for RAM and one for devices. */
interface Values {
  readonly ram: Value;
  readonly device: Value;
  /** Whether the worths of RAM and devices are looked for finely. */
  readonly isFine?: boolean;
}

/** What a group's jars need at least, in one of its ways. */
interface Need {
  readonly ram: number;
  readonly devices: readonly number[];
}

/** Parts into which a room is cut by counting. */
const MOST_PARTS = 24;

/** Sizes of jars that thresholds are tried at. */
const MOST_THRESHOLDS = 24;

/**
 * Bytes of machines that no placement of all these jars does without: each jar is given a value of
 * the rooms that it takes, such that no machine can hold more than it is worth, and what the values
 * sum to is the least that the machines must be worth. Values are tried by the bytes (the sum), by
 * how many of a jar's size fit at all (jars just over a half, over a third, …), and by thresholds
 * (Martello and Toth's L2); the largest answer counts.
 *
 * @param counts jars of each group that are placed
 * @param enough where no more than this is asked for
 */
export function leastBytes(
  problem: Problem,
  counts: readonly number[],
  enough = Infinity,
): number {
  const needs = needsOfGroups(problem, counts);
  if (needs.groups.length === 0) return 0;
  const rams = values(needs.ram, problem.kinds.map(({ rooms }) => rooms[0] ?? 0));
  const devices = values(
    needs.devices,
    problem.kinds.flatMap(({ rooms }) => rooms.slice(FIRST_DEVICE)),
  );
  let best = boundBy(problem, needs, { ram: linear, device: linear, isFine: true });
  let told: Values = { ram: linear, device: linear };
  const offer = (values: Values) => {
    const bytes = boundBy(problem, needs, values);
    if (bytes > best) [best, told] = [bytes, values];
  };
  const isEnough = () => roundUp(best, problem) >= enough;
  for (const ram of rams) {
    if (isEnough()) break;
    offer({ ram, device: linear });
  }
  for (const device of devices) {
    if (isEnough()) break;
    offer({ ram: told.ram, device });
  }
  if (!isEnough()) best = Math.max(best, boundBy(problem, needs, { ...told, isFine: true }));
  return roundUp(best, problem);
}

const linear: Value = (bytes) => bytes;

/** What is placed, way by way. */
interface Needs {
  /** Of each group its jars, and where its ways begin and end. */
  readonly groups: readonly {
    readonly count: number;
    readonly from: number;
    readonly to: number;
  }[];
  /** RAM of each way, in bytes. */
  readonly ram: Float64Array;
  /** What ways take of devices, in bytes, each for itself. */
  readonly devices: Float64Array;
  /** Which way that is. */
  readonly deviceWays: Uint32Array;
}

/** Groups that something is placed of, with what each of their ways takes. */
function needsOfGroups({ kinds }: Problem, counts: readonly number[]): Needs {
  const ways = counts.map((): Need[] => []);
  for (const { choices } of kinds) {
    for (const { group, needs } of choices) {
      const [ram = 0] = needs;
      const devices = needs.slice(FIRST_DEVICE).filter((one) => one > 0);
      const known = ways[group];
      const isKnown = known?.some((need) =>
        need.ram === ram && need.devices.length === devices.length &&
        need.devices.every((bytes, index) => bytes === devices[index])
      );
      if (!isKnown) known?.push({ ram, devices });
    }
  }
  const placed = ways.map((there, group) => ({ there, count: counts[group] ?? 0 }))
    .filter(({ there, count }) => count > 0 && there.length > 0);
  const all = placed.flatMap(({ there }) => there);
  let to = 0;
  return {
    groups: placed.map(({ there, count }) => ({ count, from: to, to: to += there.length })),
    ram: Float64Array.from(all, ({ ram }) => ram),
    devices: Float64Array.from(all.flatMap(({ devices }) => devices)),
    deviceWays: Uint32Array.from(all.flatMap(({ devices }, way) => devices.map(() => way))),
  };
}

/** Functions that may tell more than the sum does. */
function values(needs: Float64Array, all: readonly number[]): Value[] {
  const rooms = [...new Set(all)].filter((room) => room > 0);
  const largest = Math.max(0, ...rooms);
  const sizes = [...new Set(needs)].filter((size) => size > 0 && size <= largest)
    .toSorted((a, b) => a - b);
  const thresholds = sampled(sizes.filter((size) => size * 2 <= largest));
  const counted = rooms.flatMap((room) =>
    Array.from({ length: MOST_PARTS - 1 }, (_, index) => parts(room, index + 2))
  );
  return [
    ...counted,
    // These hold for rooms up to the one that they are made for.
    ...thresholds.map((least) => overThreshold(largest, least)),
    ...thresholds.map((least) => byCount(largest, least)),
  ];
}

function sampled(sizes: readonly number[]): number[] {
  if (sizes.length <= MOST_THRESHOLDS) return [...sizes];
  return Array.from(
    { length: MOST_THRESHOLDS },
    (_, index) => sizes[Math.floor((index * sizes.length) / MOST_THRESHOLDS)] ?? 0,
  );
}

/** How many whole parts of a room, of so many, a need is more than: ⌈bytes × count / room⌉ − 1. */
function parts(room: number, count: number): Value {
  return (bytes) => {
    if (bytes <= 0) return 0;
    let whole = Math.floor((bytes * count) / room);
    while (whole * room >= bytes * count) whole--;
    while ((whole + 1) * room < bytes * count) whole++;
    return Math.max(0, whole);
  };
}

/** Small needs nothing, needs beside which none but small ones fit the whole room. */
function overThreshold(room: number, least: number): Value {
  return (bytes) => bytes > room - least ? room : bytes < least ? 0 : bytes;
}

/** How many of a size a need leaves no room for (Carlier, Clautiaux and Moukrim). */
function byCount(room: number, least: number): Value {
  const all = Math.floor(room / least);
  return (bytes) => {
    if (bytes * 2 > room) return 2 * (all - Math.floor((room - bytes) / least));
    if (bytes * 2 === room) return all;
    return 2 * Math.floor(bytes / least);
  };
}

/**
 * The bound by two such functions: the most over what a byte of RAM and of devices may be worth. Any
 * two worths give a bound; the most is where a kind of machine holds exactly what it is worth.
 */
function boundBy(
  { kinds }: Problem,
  needs: Needs,
  { ram, device, isFine = false }: Values,
): number {
  const machines = kinds.map(({ count, bytes, rooms }) => ({
    count,
    bytes,
    ram: ram(Math.max(0, rooms[0] ?? 0)),
    device: rooms.slice(FIRST_DEVICE).reduce((sum, room) => sum + device(Math.max(0, room)), 0),
  }));
  const ofRam = needs.ram.map(ram);
  const ofDevice = new Float64Array(ofRam.length);
  needs.devices.forEach((bytes, index) => {
    const way = needs.deviceWays[index] ?? 0;
    ofDevice[way] = (ofDevice[way] ?? 0) + device(bytes);
  });
  const at = (ramWorth: number, deviceWorth: number): number => {
    let bound = 0;
    for (const { count, from, to } of needs.groups) {
      let least = Infinity;
      for (let way = from; way < to; way++) {
        const worth = ramWorth * (ofRam[way] ?? 0) + deviceWorth * (ofDevice[way] ?? 0);
        if (worth < least) least = worth;
      }
      bound += count * least;
    }
    for (const { count, bytes, ram, device } of machines) {
      bound -= count * Math.max(0, ramWorth * ram + deviceWorth * device - bytes);
    }
    return bound;
  };
  const vertices = worths(machines);
  let best = vertices.reduce((most, [ram, device]) => Math.max(most, at(ram, device)), 0);
  if (!isFine) return best;
  // Jars with a choice move the most to where both of their ways are worth the same.
  for (const { ram, device, bytes } of machines) {
    for (let step = -RATIO_STEPS; step <= RATIO_STEPS && ram > 0 && device > 0; step++) {
      const ratio = (ram / device) * 2 ** (step / RATIO_STEPS * MOST_RATIO);
      const worth = bytes / (ram + ratio * device);
      best = Math.max(best, at(worth, worth * ratio));
    }
  }
  return best;
}

/** What a byte of a device may be worth beside one of RAM, as powers of two, and how finely. */
const MOST_RATIO = 5;
const RATIO_STEPS = 60;

/** What bytes of RAM and of devices may be worth, each where some kind is worth what it holds. */
function worths(
  machines: readonly { readonly bytes: number; readonly ram: number; readonly device: number }[],
): readonly (readonly [ram: number, device: number])[] {
  const rams = [0, ...machines.flatMap(({ ram, bytes }) => ram > 0 ? [bytes / ram] : [])];
  const devices = [
    0,
    ...machines.flatMap(({ device, bytes }) => device > 0 ? [bytes / device] : []),
  ];
  const found = new Map<string, readonly [number, number]>();
  const add = (ram: number, device: number) => found.set(`${ram} ${device}`, [ram, device]);
  for (const ram of rams) add(ram, 0);
  for (const machine of machines) {
    for (const ram of rams) {
      const left = machine.bytes - ram * machine.ram;
      if (machine.device > 0 && left > 0) add(ram, left / machine.device);
    }
    for (const device of devices) {
      const left = machine.bytes - device * machine.device;
      if (machine.ram > 0 && left > 0) add(left / machine.ram, device);
    }
  }
  return [...found.values()];
}

/** Up to a sum that machines can have: of their sizes' common divisor. */
export function roundUp(bytes: number, { kinds }: Problem): number {
  const divisor = kinds.map((kind) => kind.bytes).reduce(commonDivisor, 0);
  if (divisor === 0) return bytes;
  // What rounding may have added to a sum of many is no machine.
  return Math.ceil((bytes / divisor) * (1 - 1e-9)) * divisor;
}

function commonDivisor(one: number, other: number): number {
  return other === 0 ? one : commonDivisor(other, one % other);
}
