import type { Changes, RamLimit } from "../changes.ts";
import type { DeviceMemory } from "../memory.ts";
import { leastAvailableOf } from "../policy.ts";
import { roundSize } from "../size.ts";
import type { Recommendation } from "../recommendation.ts";
import type { Validation } from "../validation.ts";
import type { RecommendInput } from "./input.ts";
import { deviceOf, neededAvailableBytes, neededDevices, neededMachine } from "./needed.ts";

/** How much more must become available, where that alone would do. */
export async function freeMemory(
  { validation, tryWith }: RecommendInput,
): Promise<Recommendation | undefined> {
  const { memory: { totalBytes, availableBytes } } = validation;
  const freed = freedRam(validation);
  const devices = validation.memory.devices?.map((device) => freedDevice(device, validation));
  if (freed === undefined || devices?.includes(undefined)) return undefined;
  const there = devices?.filter((device) => device !== undefined);
  const freedOn = (there ?? []).flatMap((device) => {
    const before = validation.pools.find(({ id }) => id === device.id)?.availableBytes ?? 0;
    const bytes = device.availableBytes - before;
    return bytes > 0 ? [{ id: device.id, bytes }] : [];
  });
  const bytes = freed - availableBytes;
  if (bytes === 0 && freedOn.length === 0) return undefined;
  const passing = await tryWith({}, {
    ...{ totalBytes, availableBytes: freed },
    ...(there === undefined ? {} : { devices: there }),
  });
  if (!passing?.ok) return undefined;
  return { kind: "free-memory", bytes, ...(freedOn.length === 0 ? {} : { devices: freedOn }) };
}

/** What would have to be available; nothing where that can't be had by freeing some. */
function freedRam(validation: Validation): number | undefined {
  const { totalBytes, availableBytes, sources } = validation.memory;
  const needed = neededAvailableBytes(validation, totalBytes);
  if (needed <= availableBytes) return availableBytes;
  // What a limit of this process leaves doesn't grow when others end.
  const isOwn = sources.some(({ figure, decides, counts }) =>
    figure === "available" && decides && counts
  );
  if (isOwn || needed > totalBytes) return undefined;
  const { bytes } = roundSize(needed - availableBytes, "up");
  return Math.min(totalBytes, availableBytes + bytes);
}

/** The same of a device. */
function freedDevice(device: DeviceMemory, { pools }: Validation): DeviceMemory | undefined {
  const { id, totalBytes, availableBytes } = device;
  const requiredBytes = pools.find((pool) => pool.id === id)?.requiredBytes ?? 0;
  const needed = requiredBytes === 0 ? 0 : requiredBytes + leastAvailableOf(device);
  if (needed <= availableBytes) return device;
  if (needed > totalBytes) return undefined;
  const { bytes } = roundSize(needed - availableBytes, "up");
  return { ...device, availableBytes: Math.min(totalBytes, availableBytes + bytes) };
}

/** The machine that would hold the jars as they are, those with too small a limit with a larger one. */
export async function machineFor(
  { validation, tryWith }: RecommendInput,
): Promise<Recommendation> {
  const [ramLimits] = raisedLimits(validation);
  const changes: Changes = ramLimits === undefined ? {} : { ramLimits };
  // What is required is the same on any machine.
  const asked = ramLimits === undefined ? validation : await tryWith(changes) ?? validation;
  const devices = neededDevices(asked);
  const onlyDevices = devices.length > 0 && asked.issues.every((issue) => deviceOf(issue));
  return {
    kind: "machine",
    ...neededMachine(asked),
    ...(devices.length === 0 ? {} : { devices }),
    ...(onlyDevices ? { ramIsEnough: true } : {}),
    ...(ramLimits === undefined ? {} : { changes }),
  };
}

/** Limits that hold their own jars, for those that don't. */
export function raisedLimits({ issues, instances }: Validation): RamLimit[][] {
  const tooSmall = issues.flatMap((issue) => issue.code === "over-limit" ? [issue.id] : []);
  const limits = instances.filter(({ id }) => tooSmall.includes(id))
    .map(({ id, role, footprintBytes }) => ({ role, id, ...roundSize(footprintBytes, "up") }));
  return limits.length === 0 ? [] : [limits];
}
