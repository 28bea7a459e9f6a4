import { defined } from "../../budget/defined.ts";
import type { DeviceHolder } from "../../budget/memory.ts";
import { KB, MB } from "../../budget/size.ts";
import { type MachineFiles, textOf } from "../machine_files.ts";

/** What the kernel calls a device's own memory, by driver, and what it calls RAM. */
const OWN_REGION = /^(vram|local)\d*$/;
const RAM_REGION = /^(gtt|system)\d*$/;

const UNITS: Readonly<Record<string, number>> = { "": 1, KiB: KB, MiB: MB };

/** One process's open device: the kernel's statistics of it (drm-usage-stats). */
interface Client {
  readonly id: string;
  readonly pciBusId: string;
  /** In the device's own memory, in bytes. */
  readonly ownBytes: number;
  /** Of RAM, in bytes. */
  readonly ramBytes: number;
}

/**
 * Who holds how much of the devices that the kernel drives, by their places on the bus, the largest
 * first. It is in the statistics of each open file, so that all processes are looked through:
 * milliseconds for each hundred. Processes of other users can't be looked at, but by root.
 *
 * @param places bus addresses, and whether what is taken of RAM counts there
 * @param of which processes; all where it is absent
 */
export function drmHolders(
  files: MachineFiles,
  places: ReadonlyMap<string, { readonly withRam: boolean }>,
  of?: readonly number[],
): ReadonlyMap<string, readonly DeviceHolder[]> {
  const holders = new Map([...places.keys()].map((place) => [place, [] as DeviceHolder[]]));
  const processes = of?.map(String) ?? files.names("/proc").filter((name) => /^\d+$/.test(name));
  const ownId = files.locate("/") === "/" ? Deno.pid : undefined;
  for (const process of processes) {
    const sums = new Map<string, number>();
    for (const { pciBusId, ownBytes, ramBytes } of clientsOf(files, process)) {
      const place = places.get(pciBusId);
      if (place === undefined) continue;
      const bytes = ownBytes + (place.withRam ? ramBytes : 0);
      sums.set(pciBusId, (sums.get(pciBusId) ?? 0) + bytes);
    }
    const processId = Number(process);
    for (const [place, bytes] of sums) {
      const name = textOf(files, `/proc/${process}/comm`)?.trim();
      holders.get(place)?.push({
        processId,
        ...defined({ name }),
        bytes,
        ...(processId === ownId ? { isOwn: true } : {}),
      });
    }
  }
  for (const list of holders.values()) list.sort((a, b) => (b.bytes ?? 0) - (a.bytes ?? 0));
  return holders;
}

/** A process's open devices; one that it has opened once and duplicated is one. */
function clientsOf(files: MachineFiles, process: string): Iterable<Client> {
  const clients = new Map<string, Client>();
  for (const number of files.names(`/proc/${process}/fd`)) {
    if (!files.readLink(`/proc/${process}/fd/${number}`)?.startsWith("/dev/dri/")) continue;
    const client = parseClient(textOf(files, `/proc/${process}/fdinfo/${number}`) ?? "");
    if (client !== undefined) clients.set(`${client.pciBusId} ${client.id}`, client);
  }
  return clients.values();
}

function parseClient(text: string): Client | undefined {
  const fields = new Map(
    [...text.matchAll(/^(drm-[\w-]+):\s*(.*)$/gm)].map((
      [, name = "", value = ""],
    ) => [name, value]),
  );
  const [pciBusId, id] = [fields.get("drm-pdev")?.toLowerCase(), fields.get("drm-client-id")];
  if (pciBusId === undefined || id === undefined) return undefined;
  return {
    id,
    pciBusId,
    ownBytes: sumOf(fields, OWN_REGION),
    ramBytes: sumOf(fields, RAM_REGION),
  };
}

/** What is resident there; older kernels have one figure, under another name. */
function sumOf(fields: ReadonlyMap<string, string>, region: RegExp): number {
  const sum = (kind: string) =>
    [...fields].reduce((bytes, [name, value]) => {
      if (!name.startsWith(kind) || !region.test(name.slice(kind.length))) return bytes;
      const [, digits = "0", unit = ""] = /^(\d+)\s*(KiB|MiB)?$/.exec(value.trim()) ?? [];
      return bytes + Number(digits) * (UNITS[unit] ?? 1);
    }, 0);
  return [...fields.keys()].some((name) => name.startsWith("drm-resident-"))
    ? sum("drm-resident-")
    : sum("drm-memory-");
}
