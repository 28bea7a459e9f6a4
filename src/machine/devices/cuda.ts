import type { MemoryLeftOut } from "../../budget/memory.ts";
import type { MachineWarning } from "../warning.ts";
import type { NvidiaCard, NvidiaCards, NvidiaPart } from "./nvidia.ts";
import {
  atPlaces,
  type DeviceReading,
  type DevicesRead,
  leftOutAs,
  numbered,
  ORDER_UNKNOWN,
  withoutIntegrated,
} from "./reading.ts";

/** From this driver on CUDA shows a process one compute instance of every GPU instance, before one. */
const MANY_MIG_DEVICES_DRIVER = 570;

/** As many devices as llama.cpp's CUDA backend has places for; with more it aborts. */
const MOST_DEVICES = 16;

/** Why a card doesn't compute that whoever started this process keeps from it. */
export const HIDDEN = "hidden by CUDA_VISIBLE_DEVICES";

/** Variables by name. */
type Environment = (name: string) => string | undefined;

/** A card, or a MIG device and the card that it is of. */
interface Choice {
  readonly card: NvidiaCard;
  readonly part?: NvidiaPart;
}

/**
 * The devices that CUDA shows this process, in the order in which llama.cpp numbers them.
 *
 * CUDA_VISIBLE_DEVICES has indices and UUIDs (the first letters are enough); the first entry that
 * names nothing ends it. Without CUDA_DEVICE_ORDER=PCI_BUS_ID CUDA puts the fastest card first, by
 * a rule that isn't told, so that unequal ones are named to the engine by their UUIDs.
 *
 * @param least the lowest compute capability that the engine's build has kernels for, as 75 for 7.5;
 * cards below it are left out, and hidden from the engine
 */
export function cudaDevices(
  found: NvidiaCards,
  environment: Environment,
  least = 0,
): DevicesRead {
  const { cards, driverVersion } = found;
  const warnings: MachineWarning[] = [...found.warnings];
  const order = environment("CUDA_DEVICE_ORDER") === "PCI_BUS_ID";
  const visible = environment("CUDA_VISIBLE_DEVICES");
  const isUnequal = !order && areUnequal(cards);
  const byIndex = visible !== undefined && /(^|,)\s*\d/.test(visible);
  const isByUuid = visible !== undefined && !byIndex;
  if (isUnequal && byIndex) {
    warnings.push({
      code: ORDER_UNKNOWN,
      message: `CUDA_VISIBLE_DEVICES="${visible}" has numbers, by which CUDA means unequal cards ` +
        "in an order of its own; they are taken by speed, and CUDA_DEVICE_ORDER=PCI_BUS_ID or " +
        "UUIDs would be sure",
    });
  }
  const listed = isUnequal && byIndex ? fastestFirst(cards) : cards;
  const shown = shownTogether(listed.flatMap(choicesOf), driverVersion);
  const chosen = visible === undefined
    ? shown
    : shownTogether(chosenBy(visible, listed, shown, warnings), driverVersion);
  const hidden = listed.flatMap(allChoicesOf)
    .filter((choice) => !chosen.some((one) => isSame(one, choice)))
    .flatMap((choice) => leftOutOf(choice, visible));
  const readable = chosen.flatMap((choice) => readingOf(choice) ?? []);
  const { used, leftOut: integrated } = withoutIntegrated(readable);
  const readings = used.filter((one) => !isOlder(one, least));
  const older = used.filter((one) => isOlder(one, least));
  const leftOut = [...integrated, ...older.map((one) => olderLeftOut(one, least)), ...hidden];
  if (readings.length > MOST_DEVICES) {
    warnings.push({
      code: "device-unreadable",
      message: `CUDA shows ${readings.length} devices, and llama.cpp ends with more than ` +
        `${MOST_DEVICES}: name some with CUDA_VISIBLE_DEVICES`,
    });
    return { devices: [], leftOut, warnings };
  }
  const isSure = readable.length === chosen.length && older.length === 0 &&
    (!isUnequal || isByUuid);
  const uuids = readings.flatMap(({ uuid }) => uuid ?? []);
  return {
    devices: numbered(asVirtual(readings, environment("GGML_CUDA_DEVICES"))),
    leftOut,
    warnings,
    ...(isSure || uuids.length === 0 || uuids.length < readings.length
      ? {}
      : { environment: { CUDA_VISIBLE_DEVICES: uuids.join(",") } }),
  };
}

function isOlder({ computeCapability = Infinity }: DeviceReading, least: number): boolean {
  return computeCapability < least;
}

function olderLeftOut(reading: DeviceReading, least: number): MemoryLeftOut {
  const { computeCapability = 0 } = reading;
  return leftOutAs(
    reading,
    `its compute capability is ${(computeCapability / 10).toFixed(1)}, and the engine's CUDA ` +
      `build has kernels from ${(least / 10).toFixed(1)} on`,
  );
}

function areUnequal(cards: readonly NvidiaCard[]): boolean {
  const kinds = new Set(cards.map(({ name, reading }) => `${name} ${reading?.totalBytes}`));
  return kinds.size > 1;
}

/** As CUDA's documentation has it: the fastest one, and the others as they lie on the bus. */
function fastestFirst(cards: readonly NvidiaCard[]): readonly NvidiaCard[] {
  const most = Math.max(...cards.map(({ cores }) => cores));
  const fastest = cards.findIndex(({ cores }) => cores === most);
  return [...cards.slice(fastest, fastest + 1), ...cards.toSpliced(fastest, 1)];
}

/** What CUDA could show of a card: of each GPU instance one compute instance. */
function choicesOf(card: NvidiaCard): Choice[] {
  const seen = new Set<number>();
  return allChoicesOf(card).filter(({ part }) => {
    if (part === undefined) return true;
    const isFirst = !seen.has(part.instance.gpu);
    seen.add(part.instance.gpu);
    return isFirst;
  });
}

function allChoicesOf(card: NvidiaCard): Choice[] {
  return card.parts === undefined ? [{ card }] : card.parts.map((part) => ({ card, part }));
}

/** What CUDA shows of these at once: older drivers one MIG device alone, where there is one. */
function shownTogether(choices: readonly Choice[], driverVersion = ""): readonly Choice[] {
  if (Number.parseInt(driverVersion) >= MANY_MIG_DEVICES_DRIVER) {
    return choices.filter((choice, index) =>
      choices.findIndex((other) => sharesInstance(other, choice)) === index
    );
  }
  const split = choices.find(({ part }) => part !== undefined);
  return split === undefined ? choices : [split];
}

function sharesInstance(one: Choice, other: Choice): boolean {
  return one.card === other.card && one.part?.instance.gpu === other.part?.instance.gpu;
}

function isSame(one: Choice, other: Choice): boolean {
  return one.card === other.card && one.part === other.part;
}

/** What a list names, up to the first entry that names nothing, or a second time the same. */
function chosenBy(
  list: string,
  cards: readonly NvidiaCard[],
  shown: readonly Choice[],
  warnings: MachineWarning[],
): readonly Choice[] {
  const chosen: Choice[] = [];
  for (const entry of list.split(",").map((one) => one.trim())) {
    // Empty is none, and said so on purpose; so is -1.
    const named = /^\d+$/.test(entry)
      ? shown.slice(Number(entry), Number(entry) + 1)
      : namedBy(entry, cards);
    const isTwice = named.some((one) => chosen.some((other) => isSame(one, other)));
    if (named.length === 0 || isTwice) {
      if (!/^(-1)?$/.test(entry)) {
        const why = isTwice ? "names a device twice" : "names no device";
        warnings.push({
          code: "device-unknown",
          message: `Entry "${entry}" of CUDA_VISIBLE_DEVICES ${why}, and CUDA stops reading there`,
        });
      }
      break;
    }
    chosen.push(...named);
  }
  return chosen;
}

/** What a UUID, or the beginning of one, names; none where that is not one device or card. */
function namedBy(entry: string, cards: readonly NvidiaCard[]): readonly Choice[] {
  // The way of drivers before 470: card, GPU instance and compute instance.
  const older = /^MIG-(GPU-[^/]+)\/(\d+)\/(\d+)$/i.exec(entry);
  if (older !== null) {
    const [, uuid = "", gpu, compute] = older;
    return cards.filter((card) => startsWith(card.uuid, uuid)).flatMap(allChoicesOf).filter(
      ({ part }) => part?.instance.gpu === Number(gpu) && part.instance.compute === Number(compute),
    );
  }
  if (!/^(GPU|MIG)-./i.test(entry)) return [];
  const found = cards.filter((card) => startsWith(card.uuid, entry));
  const parts = cards.flatMap(allChoicesOf).filter(({ part }) => startsWith(part?.uuid, entry));
  if (found.length + parts.length !== 1) return [];
  return [...found.flatMap(choicesOf), ...parts];
}

function startsWith(uuid: string | undefined, start: string): boolean {
  return uuid?.toLowerCase().startsWith(start.toLowerCase()) ?? false;
}

function readingOf({ card, part }: Choice): DeviceReading | undefined {
  return part === undefined ? card.reading : part.reading;
}

function leftOutOf(choice: Choice, visible: string | undefined): MemoryLeftOut[] {
  const reading = readingOf(choice);
  if (reading === undefined) return [];
  const reason = visible === undefined
    ? "CUDA shows it to no process that sees another MIG device"
    : HIDDEN;
  return [leftOutAs(reading, reason)];
}

/** GGML_CUDA_DEVICES has llama.cpp show more or fewer devices, which share the memories in turn. */
function asVirtual(
  readings: readonly DeviceReading[],
  wanted: string | undefined,
): readonly DeviceReading[] {
  const count = Number.parseInt(wanted ?? "");
  if (!(count > 0) || readings.length === 0) return readings;
  const places = Array.from(
    { length: Math.min(count, MOST_DEVICES) },
    (_, index) => index % readings.length,
  );
  return atPlaces(readings, places, "GGML_CUDA_DEVICES");
}
