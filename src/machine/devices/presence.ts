import { hasMachineFiles, type MachineFiles, machineFilesBelow } from "../machine_files.ts";

/** What speaks for devices, found without asking any driver. */
export interface DeviceSigns {
  /** Whether NVIDIA's driver has been given to this process. */
  readonly nvidia: boolean;
  /** Nodes that are computed through: `renderD128`. */
  readonly renderNodes: readonly string[];
}

/** Its driver's node, and the library that WSL has instead. */
const NVIDIA_PATHS = ["/dev/nvidiactl", "/usr/lib/wsl/lib/libnvidia-ml.so.1"];

/**
 * Signs of devices, by what is in /dev: a machine without any costs three looks at a path. A
 * container has the host's /proc and /sys, and only those nodes that were given to it.
 */
export function deviceSigns(files: MachineFiles): DeviceSigns {
  return {
    nvidia: NVIDIA_PATHS.some((path) => files.exists(path)),
    renderNodes: files.names("/dev/dri").filter((name) => /^renderD\d+$/.test(name)).toSorted(),
  };
}

/** The same on Windows, where NVIDIA's driver puts its library beside the system's own. */
export function windowsSigns(): DeviceSigns {
  try {
    Deno.statSync(`${Deno.env.get("SystemRoot") ?? "C:\\Windows"}\\System32\\nvml.dll`);
    return { nvidia: true, renderNodes: [] };
  } catch {
    return { nvidia: false, renderNodes: [] };
  }
}

/**
 * Whether it is worth while to look for devices: false only where there is none. It asks no driver
 * and loads nothing, so that a machine without devices doesn't wait for them.
 *
 * @param root `/`, or a recorded tree
 *
 * @example
 * ```ts
 * import { mayHaveDevices } from "./presence.ts";
 * if (mayHaveDevices("/no/such/machine")) throw new Error("There is nothing at all");
 * ```
 */
export function mayHaveDevices(root = "/"): boolean {
  if (root === "/" && Deno.build.os === "darwin") return Deno.build.arch === "aarch64";
  const { nvidia, renderNodes } = hasMachineFiles(root)
    ? deviceSigns(machineFilesBelow(root))
    : windowsSigns();
  return nvidia || renderNodes.length > 0;
}
