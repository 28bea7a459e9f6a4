import type { LayersOnDevices } from "../budget/demand.ts";
import type { DeviceMemory } from "../budget/memory.ts";
import { usedPercent } from "../budget/memory.ts";
import { formatAmount } from "../budget/size.ts";
import { sum } from "../budget/sum.ts";
import type { InstanceValidation, PoolValidation, Validation } from "../budget/validation.ts";
import type { DeviceBytes } from "../footprint/footprint.ts";
import { fields } from "./block.ts";
import { partRow } from "./estimate/resident_text.ts";
import { formatPercent } from "./format.ts";

/** The devices of a validation and what they are called; RAM isn't among them. */
export function devicePools({ pools }: Validation): readonly PoolValidation[] {
  return pools.slice(1);
}

/** What a device has, for the system's memory status. */
export function deviceStatus(device: DeviceMemory): string[] {
  const { id, kind, name, totalBytes, availableBytes, reservedBytes, sources } = device;
  const from = (figure: "total" | "available") => {
    const source = sources.find((source) => source.figure === figure && source.decides);
    return source ? ` (${source.name})` : "";
  };
  return fields([
    [`Device ${id}`, kind === "unified" ? `${name}, in RAM and counted there too` : name],
    ["  Total", formatAmount(totalBytes) + from("total")],
    ["  Available", formatAmount(availableBytes) + from("available")],
    ["  In use", formatPercent(usedPercent(device))],
    ["  Reserved by others", reservedBytes > 0 ? formatAmount(reservedBytes) : undefined],
  ]);
}

/** How many layers are on devices, and what decided that. */
export function layersText({ count, of, isFound, heldBy }: LayersOnDevices): string {
  const why = heldBy === undefined ? "" : `: one more does not fit on ${heldBy}`;
  return `${count} of ${of}${isFound ? ` (auto${why})` : ""}`;
}

/** A jar's layers on devices, and what it requires on each that it is on. */
export function deviceRequirements(
  { gpuLayers, pools }: InstanceValidation,
): [label: string, value: string | undefined][] {
  return [
    ["Layers on devices", gpuLayers && layersText(gpuLayers)],
    ...pools.slice(1).map(({ id, requiredBytes, sharedBytes }): [string, string] => [
      `Required on ${id}`,
      formatAmount(requiredBytes) +
      (sharedBytes > 0 ? ` (${formatAmount(sharedBytes)} of it counted above)` : ""),
    ]),
  ];
}

/** What a jar's figures on devices are made of, a column for each device that it is on. */
export function deviceParts(devices: readonly DeviceBytes[] = []): string[] {
  const used = devices.filter((device) => deviceTotal(device) > 0);
  if (used.length === 0) return [];
  const rows: readonly (readonly [string, (device: DeviceBytes) => number, string?])[] = [
    ["Weights", ({ weights }) => weights],
    ["Cache", ({ kvCache, recurrentState }) => kvCache + recurrentState],
    ["Compute", ({ compute }) => compute],
    ["Backend", ({ runtime }) => runtime, "once for all jars"],
    ["Thinking", ({ thinking }) => thinking, "workspaces and the like"],
  ];
  return [
    partRow("On devices", used.map(({ id }) => id)),
    ...rows.map(([label, bytesOf, remark]) => {
      const cells = used.map(bytesOf).map((bytes) => bytes === 0 ? "-" : formatAmount(bytes));
      return partRow(`  ${label}`, cells) + (remark === undefined ? "" : `  (${remark})`);
    }),
  ];
}

/** All that a model needs on a device, in bytes. */
export function deviceTotal({ id: _, ...parts }: DeviceBytes): number {
  return sum(Object.values(parts));
}

/** The budget of each device that jars need something on. */
export function deviceBudget(validation: Validation): string[] {
  const given = Number((100 - validation.safetyMarginPercent).toFixed(2));
  return devicePools(validation).filter(({ sumBytes }) => sumBytes > 0).flatMap((pool) => {
    const { id, totalBytes, usableBytes, sumBytes, sharedBytes, requiredBytes } = pool;
    const shared = `-${formatAmount(sharedBytes)} (weights of one model, and the backend, once)`;
    return fields([
      [`On ${id}`, formatAmount(requiredBytes)],
      ["  Sum of requirements", sharedBytes > 0 ? formatAmount(sumBytes) : undefined],
      ["  Counted once", sharedBytes > 0 ? shared : undefined],
      [
        "  Safe threshold",
        `${formatAmount(usableBytes)} (${given}% of ${formatAmount(totalBytes)})`,
      ],
      ["  Currently available", formatAmount(pool.availableBytes)],
      [
        "  Budget used",
        usableBytes > 0 ? formatPercent((requiredBytes / usableBytes) * 100) : undefined,
      ],
    ]);
  });
}

/** What passed on each device that jars need something on. */
export function devicePassed(validation: Validation): string[] {
  return devicePools(validation).filter(({ sumBytes }) => sumBytes > 0).map((pool) =>
    `On ${pool.id}: ${formatAmount(pool.requiredBytes)} / ${formatAmount(pool.usableBytes)}, ` +
    `safety margin ${formatAmount(pool.marginBytes)}`
  );
}
