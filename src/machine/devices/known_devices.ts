import { defined } from "../../budget/defined.ts";
import type { GpuBackend } from "../../llama_cpp/options.ts";
import { readKept, stateFolder, writeKept } from "../kept_file.ts";

/** What is known of devices is kept in a file of this name. */
const FILE = "devices.json";
const SCHEMA = "brainjar.devices/1";

/** More devices, drivers and engines than anyone has seen; a longer file is not one of ours. */
const MOST = 1000;
const MOST_BYTES = 200 * MOST;

/** What a driver consists of besides the kernel: where files tell its version, or change with it. */
const VERSION_FILES: Readonly<Record<GpuBackend, readonly string[]>> = {
  // On Windows' Linux the driver is a library.
  cuda: ["/sys/module/nvidia/version", "/usr/lib/wsl/lib/libcuda.so.1"],
  vulkan: ["/sys/module/nvidia/version"],
  metal: [],
};

/** Where Vulkan's drivers say what they are. */
const MANIFESTS: readonly string[] = ["/usr/share/vulkan/icd.d", "/etc/vulkan/icd.d"];

/** What was found out about a device with a driver and an engine. */
export interface KnownDevice {
  /** Whether a model has thought there; false where one failed to, for a reason that stays. */
  readonly thinks?: boolean;
  /** What the process of an open engine holds there before any model, as `measure --save` saw it. */
  readonly contextBytes?: number;
}

/** What a fact about a device holds for. */
export interface KnownFor {
  readonly backend: GpuBackend;
  /** What its driver calls it. */
  readonly name: string;
  readonly engineVersion: string;
}

/** Where this is kept; nothing where there is no home. */
export function knownDevicesPath(get: (name: string) => string | undefined): string | undefined {
  const folder = stateFolder(get);
  return folder && `${folder}/${FILE}`;
}

/** What tells one driver of a backend from another. */
export function driverIdentity(
  backend: GpuBackend,
  root = "",
  kernel: string = Deno.osRelease(),
): string {
  const files = [
    ...VERSION_FILES[backend].map((path) => `${root}${path}`),
    ...backend === "vulkan" ? MANIFESTS.flatMap((folder) => filesIn(`${root}${folder}`)) : [],
  ];
  return JSON.stringify([kernel, ...files.map(stateOf)]);
}

function filesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => `${folder}/${name}`).toSorted();
  } catch {
    return [];
  }
}

/** A version that a file tells, else what changes when the file is another. */
function stateOf(path: string): string | number | null {
  try {
    if (path.endsWith("/version")) return Deno.readTextFileSync(path).trim();
    const { size, mtime } = Deno.statSync(path);
    return `${path.split("/").at(-1)} ${size} ${mtime?.getTime() ?? 0}`;
  } catch {
    return null;
  }
}

/** The name under which facts of a device are kept. */
export async function knownDeviceKey(
  { backend, name, engineVersion }: KnownFor,
  driver: string,
): Promise<string> {
  const text = JSON.stringify([backend, name, engineVersion, driver]);
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest, 0, 16).toHex();
}

/** What is known, by key; nothing where nobody found anything out, or the file is damaged. */
export function readKnownDevices(path: string | undefined): ReadonlyMap<string, KnownDevice> {
  try {
    const text = path === undefined ? undefined : readKept(path, MOST_BYTES);
    return text === undefined ? new Map() : parse(JSON.parse(text));
  } catch {
    // It is found out anew, and written whole.
    return new Map();
  }
}

function parse(value: unknown): Map<string, KnownDevice> {
  if (!isRecord(value) || value["schema"] !== SCHEMA || !isRecord(value["devices"])) {
    return new Map();
  }
  const entries = Object.entries(value["devices"]).slice(-MOST);
  return new Map(entries.map(([key, device]) => [key, knownOf(device)]));
}

function knownOf(value: unknown): KnownDevice {
  const { thinks, contextBytes } = isRecord(value) ? value : {};
  const isBytes = Number.isSafeInteger(contextBytes) && Number(contextBytes) >= 0;
  return {
    ...typeof thinks === "boolean" && { thinks },
    ...isBytes && { contextBytes: Number(contextBytes) },
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

/**
 * Keeps what was found out about devices, beside what is known of them and of others.
 *
 * @throws {Error} Where it can't be written.
 */
export function keepKnownDevices(path: string, found: ReadonlyMap<string, KnownDevice>): void {
  const known = new Map(readKnownDevices(path));
  for (const [key, device] of found) {
    const before = known.get(key);
    known.delete(key);
    known.set(key, defined({ ...before, ...device }));
  }
  writeKept(path, { schema: SCHEMA, devices: Object.fromEntries([...known].slice(-MOST)) });
}
