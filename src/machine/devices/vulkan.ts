import type { MachineWarning } from "../warning.ts";
import {
  atPlaces,
  DEVICE_UNKNOWN,
  type DeviceReading,
  type DevicesRead,
  leftOutAs,
  numbered,
  ORDER_UNKNOWN,
  withoutIntegrated,
} from "./reading.ts";

/** Variables by name. */
type Environment = (name: string) => string | undefined;

/** What has another device put first, before anybody numbers them. */
const SELECTS = ["VK_LOADER_DEVICE_SELECT", "MESA_VK_DEVICE_SELECT", "DRI_PRIME"];

/**
 * The devices that llama.cpp's Vulkan backend uses, in the order in which it numbers them: Vulkan's
 * loader sorts them by kind and by their places on the bus, and GGML_VK_VISIBLE_DEVICES has indices
 * of that list. Integrated ones are used only where there is no other.
 *
 * Vulkan's layers may change that order, so that it is doubtful where unequal devices are used
 * together, until the engine is open.
 */
export function vulkanDevices(
  found: readonly DeviceReading[],
  environment: Environment,
): DevicesRead {
  const warnings: MachineWarning[] = [];
  const listed = found.toSorted((a, b) =>
    Number(a.isIntegrated) - Number(b.isIntegrated) ||
    (a.pciBusId ?? "").localeCompare(b.pciBusId ?? "")
  ).map((reading): DeviceReading => ({ ...reading, backend: "vulkan" }));
  const visible = environment("GGML_VK_VISIBLE_DEVICES");
  const chosen = visible === undefined ? listed : chosenBy(visible, listed, warnings);
  const { used, leftOut } = withoutIntegrated(chosen);
  const hidden = listed.filter(({ pciBusId }) =>
    !chosen.some((reading) => reading.pciBusId === pciBusId)
  ).map((reading) => leftOutAs(reading, "hidden by GGML_VK_VISIBLE_DEVICES"));
  const kinds = new Set(used.map(({ name, totalBytes }) => `${name} ${totalBytes}`));
  const isSelected = used.length > 1 && SELECTS.some((name) => environment(name) !== undefined);
  if (kinds.size > 1 || isSelected) {
    warnings.push({
      code: ORDER_UNKNOWN,
      message: "Vulkan's layers may number these devices in another order than their places on " +
        "the bus; it is known once the engine is open",
    });
  }
  return { devices: numbered(used), leftOut: [...leftOut, ...hidden], warnings };
}

/** What a list of indices names; a device that is named several times is as many, which share it. */
function chosenBy(
  list: string,
  listed: readonly DeviceReading[],
  warnings: MachineWarning[],
): readonly DeviceReading[] {
  const indices = indicesIn(list);
  const unknown = indices.filter((index) => index >= listed.length);
  if (unknown.length > 0) {
    warnings.push({
      code: DEVICE_UNKNOWN,
      message:
        `GGML_VK_VISIBLE_DEVICES="${list}" names device ${unknown.join(" and ")}, of which ` +
        "nothing is known before the engine is open",
    });
  }
  return atPlaces(listed, indices, "GGML_VK_VISIBLE_DEVICES");
}

/** Numbers between commas and blanks, up to the first word that is none. */
function indicesIn(list: string): number[] {
  const words = list.replaceAll(",", " ").trim().split(/\s+/).filter((word) => word !== "");
  const end = words.findIndex((word) => !/^\d+$/.test(word));
  return words.slice(0, end < 0 ? words.length : end).map(Number);
}
