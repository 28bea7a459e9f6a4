import { defined } from "../../budget/defined.ts";
import { GB } from "../../budget/size.ts";
import { type MachineFiles, textOf } from "../machine_files.ts";
import type { MachineWarning } from "../warning.ts";
import { drmHolders } from "./drm_holders.ts";
import type { HoldersAsked } from "./holders.ts";
import { readRam } from "./ram.ts";
import { type DeviceReading, nonsenseIn } from "./reading.ts";

/** PCI vendors (pci.ids). */
const VENDORS = { amd: "0x1002", intel: "0x8086", nvidia: "0x10de" } as const;

/** Where libdrm keeps the names of AMD's cards. */
const AMD_NAMES_PATH = "/usr/share/libdrm/amdgpu.ids";

/** PCI's class of AMD's security processor, which sits in an integrated GPU's slot. */
const SECURITY_PROCESSOR = "0x108000";

/** Mesa's driver for Intel gives out this share of RAM, and less where there is little. */
const INTEL_SHARE = { usual: 0.75, little: 0.5, littleBytes: 4 * GB };

/** A device that the kernel drives itself, and whether it could be read. */
export interface DrmDevices {
  /** Their backend is Vulkan's. */
  readonly readings: readonly DeviceReading[];
  readonly warnings: readonly MachineWarning[];
}

/** One render node. */
interface Node {
  readonly folder: string;
  readonly vendor: string;
  /** The kernel's driver: `amdgpu`, `i915`, `xe`, `nouveau`. */
  readonly driver: string;
  readonly pciBusId: string;
}

/**
 * AMD's and Intel's devices, from /sys. What an integrated one of AMD's holds is what the firmware
 * set aside for it (in no figure of the kernel's) and what it may take of RAM; Intel's have RAM
 * alone. Discrete ones of Intel's tell nothing there: the engine knows, once it is open.
 *
 * @param renderNodes names in /dev/dri
 * @param holders whether to look who holds how much, which may take longer than all else
 * @param asked bus ids whose driver has been asked already: NVIDIA's have render nodes too
 */
export function readDrm(
  files: MachineFiles,
  renderNodes: readonly string[],
  asked: ReadonlySet<string>,
  holders: HoldersAsked = false,
): DrmDevices {
  const readings: DeviceReading[] = [];
  const warnings: MachineWarning[] = [];
  for (const name of renderNodes) {
    const node = readNode(files, name);
    if (node === undefined || asked.has(node.pciBusId)) continue;
    const reading = node.vendor === VENDORS.amd
      ? readAmd(files, node)
      : node.vendor === VENDORS.intel
      ? readIntel(files, node)
      : node.vendor === VENDORS.nvidia && node.driver !== "nvidia"
      ? "its kernel driver tells no memory"
      // Whatever else there is, the engine says once it is open.
      : undefined;
    if (typeof reading === "object") readings.push(reading);
    if (typeof reading === "string") {
      warnings.push({
        code: "device-unreadable",
        message: `The memory of the GPU at ${node.pciBusId} (${node.driver}) can't be told: ` +
          `${reading}; brainjar doesn't count on it`,
      });
    }
  }
  return { readings: withHolders(files, readings, holders), warnings };
}

/** Who holds how much of each, where that is asked. */
function withHolders(
  files: MachineFiles,
  readings: readonly DeviceReading[],
  holders: HoldersAsked,
): readonly DeviceReading[] {
  if (holders === false || readings.length === 0) return readings;
  const places = new Map(
    readings.map(({ pciBusId = "", kind }) => [pciBusId, { withRam: kind === "unified" }]),
  );
  const found = drmHolders(files, places, holders === true ? undefined : holders);
  return readings.map((reading) => ({
    ...reading,
    ...defined({ holders: found.get(reading.pciBusId ?? "") }),
  }));
}

function readNode(files: MachineFiles, name: string): Node | undefined {
  const folder = `/sys/class/drm/${name}/device`;
  const vendor = textOf(files, `${folder}/vendor`)?.trim();
  const uevent = textOf(files, `${folder}/uevent`) ?? "";
  const pciBusId = /^PCI_SLOT_NAME=(.+)$/m.exec(uevent)?.[1]?.toLowerCase();
  if (vendor === undefined || pciBusId === undefined) return undefined;
  return { folder, vendor, pciBusId, driver: /^DRIVER=(.+)$/m.exec(uevent)?.[1] ?? "no driver" };
}

/** A reading, or why there is none. */
function readAmd(files: MachineFiles, node: Node): DeviceReading | string {
  const isIntegrated = isIntegratedAmd(files, node);
  const vram = readPair(files, node, "vram");
  if (typeof vram === "string") return vram;
  const described = { ...describe(node, amdName(files, node)), isIntegrated };
  if (!isIntegrated) return { ...described, kind: "device", ...figuresOf([vram]) };
  const gtt = readPair(files, node, "gtt");
  if (typeof gtt === "string") return gtt;
  // Most is set aside by the firmware: that is no RAM, and filled first.
  if (vram.total.bytes >= gtt.total.bytes) {
    return { ...described, kind: "device", ...figuresOf([vram]) };
  }
  return { ...described, kind: "unified", ...figuresOf([vram, gtt]) };
}

/** Whether it is on one chip with the processor, by what only such ones have. */
function isIntegratedAmd(files: MachineFiles, { folder, pciBusId }: Node): boolean {
  const slot = pciBusId.replace(/\.\d$/, "");
  const sibling = textOf(files, `/sys/bus/pci/devices/${slot}.2/class`)?.trim();
  return /^[0-9a-f]{4}:00:/.test(pciBusId) || sibling === SECURITY_PROCESSOR ||
    // Its northbridge's voltage: only integrated ones have that sensor (the kernel's amdgpu page).
    files.subfolders(`${folder}/hwmon`).some((sensors) =>
      files.read(`${folder}/hwmon/${sensors}/in1_input`).kind !== "absent"
    );
}

/** One kind of memory: all of it, and what is in use. */
interface Pair {
  readonly total: { readonly name: string; readonly path: string; readonly bytes: number };
  readonly used: { readonly name: string; readonly path: string; readonly bytes: number };
}

function readPair(files: MachineFiles, { folder }: Node, kind: "vram" | "gtt"): Pair | string {
  const [total, used] = (["total", "used"] as const).map((figure) => {
    const name = `mem_info_${kind}_${figure}`;
    const text = textOf(files, `${folder}/${name}`)?.trim();
    const path = files.locate(`${folder}/${name}`);
    return { name, path, bytes: /^\d+$/.test(text ?? "") ? Number(text) : NaN };
  });
  if (total === undefined || used === undefined) return "unreachable";
  const unread = [total, used].find(({ bytes }) => Number.isNaN(bytes));
  if (unread !== undefined) return `${unread.path} can't be read`;
  const wrong = nonsenseIn(total.bytes, used.bytes);
  return wrong === undefined ? { total, used } : `${folder} has ${wrong}`;
}

function figuresOf(
  pairs: readonly Pair[],
): Pick<DeviceReading, "totalBytes" | "availableBytes" | "reservedBytes" | "sources"> {
  const sum = (figures: readonly { readonly bytes: number }[]) =>
    figures.reduce((bytes, figure) => bytes + figure.bytes, 0);
  const totals = pairs.map(({ total }) => total);
  const left = pairs.flatMap(({ total, used }) => [total, { ...used, bytes: -used.bytes }]);
  const [totalBytes, availableBytes] = [sum(totals), sum(left)];
  const nameOf = (figures: readonly { readonly name: string; readonly bytes: number }[]) =>
    figures.map(({ name, bytes }, index) =>
      `${index === 0 ? "" : bytes < 0 ? " − " : " + "}${name}`
    )
      .join("");
  return {
    totalBytes,
    availableBytes,
    reservedBytes: 0,
    sources: [
      {
        figure: "total",
        name: nameOf(totals),
        bytes: totalBytes,
        decides: true,
        ...(totals.length === 1 ? defined({ path: totals[0]?.path }) : { terms: totals }),
      },
      {
        figure: "available",
        name: nameOf(left),
        bytes: availableBytes,
        decides: true,
        terms: left,
      },
    ],
  };
}

function describe({ pciBusId }: Node, name: string) {
  // Numbered once it is known which of them the engine uses.
  return { id: "vulkan", backend: "vulkan", name, pciBusId, identity: pciBusId } as const;
}

/** By libdrm's table: device, revision, name. */
function amdName(files: MachineFiles, { folder, driver }: Node): string {
  const hexOf = (file: string) => textOf(files, `${folder}/${file}`)?.trim().replace(/^0x/, "");
  const [device = "", revision = ""] = [hexOf("device"), hexOf("revision")];
  const lines = device === "" ? "" : textOf(files, AMD_NAMES_PATH) ?? "";
  const line = lines.split("\n").find((line) => {
    const [a = "", b = ""] = line.split(",").map((word) => word.trim().toLowerCase());
    return a === device && Number.parseInt(b, 16) === Number.parseInt(revision, 16);
  });
  return line?.split(",").slice(2).join(",").trim() || `AMD GPU ${device} (${driver})`;
}

/** A reading, or why there is none. */
function readIntel(files: MachineFiles, node: Node): DeviceReading | string {
  // The integrated one's place on the bus is the same in every processor.
  if (!/^0000:00:02\.\d$/.test(node.pciBusId)) return "its kernel driver tells no memory";
  const { usual, little, littleBytes } = INTEL_SHARE;
  const all = readRam(files)?.totalBytes ?? 0;
  const ram = readRam(files, all <= littleBytes ? little : usual, "what Mesa gives out of it");
  if (ram === undefined) return "RAM can't be read";
  const device = textOf(files, `${node.folder}/device`)?.trim().replace(/^0x/, "") ?? "";
  return {
    ...describe(node, `Intel GPU ${device} (${node.driver})`),
    kind: "unified",
    isIntegrated: true,
    reservedBytes: 0,
    ...ram,
  };
}
