import { GB, MB } from "../../budget/size.ts";
import type { MachineMemory } from "../../budget/memory.ts";
import { loadModule } from "../../load_module.ts";
import { type DevicesRead, NO_DEVICES } from "./reading.ts";

/**
 * What Metal gives out of RAM unless told otherwise (its recommendedMaxWorkingSetSize): two thirds,
 * and from 36 GB on three quarters. Apple documents neither; later systems give more of much.
 */
const SHARES = { small: 2 / 3, large: 3 / 4, largeBytes: 36 * GB };

/** What is asked of macOS, so that tests can answer. */
export interface MacSystem {
  /** Settings of the kernel by name; those that it hasn't are left out. */
  settings(names: readonly string[]): Promise<ReadonlyMap<string, string>>;
  memory(): Promise<Pick<MachineMemory, "totalBytes" | "availableBytes">>;
}

/** The setting that overrides the share, in MB; 0 for none. */
const LIMIT = "iogpu.wired_limit_mb";
const CHIP = "machdep.cpu.brand_string";

/**
 * Apple's one device: RAM itself, up to what Metal lets a process use. No device on Intel's
 * processors, for which the engine has no Metal.
 */
export async function readMetal(
  system: MacSystem = macSystem(),
  architecture: string = Deno.build.arch,
): Promise<DevicesRead> {
  if (architecture !== "aarch64") return NO_DEVICES;
  const settings = await system.settings([LIMIT, CHIP]);
  const ram = await system.memory();
  const given = Number(settings.get(LIMIT) ?? 0);
  const isLimit = Number.isSafeInteger(given) && given > 0;
  const { small, large, largeBytes } = SHARES;
  const share = ram.totalBytes < largeBytes ? small : large;
  const limit = isLimit
    ? { name: LIMIT, path: `sysctl ${LIMIT}`, bytes: given * MB }
    : { name: "Metal's share of RAM", bytes: Math.floor(ram.totalBytes * share) };
  const totalBytes = Math.min(limit.bytes, ram.totalBytes);
  const availableBytes = Math.min(totalBytes, ram.availableBytes);
  return {
    devices: [{
      id: "metal:0",
      backend: "metal",
      kind: "unified",
      isIntegrated: false,
      name: settings.get(CHIP) ?? "Apple GPU",
      totalBytes,
      availableBytes,
      reservedBytes: 0,
      sources: [
        { figure: "total", ...limit, bytes: totalBytes, decides: true },
        {
          figure: "available",
          name: "Available memory, at most that",
          bytes: availableBytes,
          decides: true,
        },
      ],
    }],
    leftOut: [],
    warnings: [],
  };
}

/** This Mac. */
function macSystem(): MacSystem {
  return {
    settings: async (names) => {
      const command = new Deno.Command("/usr/sbin/sysctl", {
        args: [...names],
        stdin: "null",
        stderr: "null",
      });
      const text = new TextDecoder().decode((await command.output()).stdout);
      return new Map(
        [...text.matchAll(/^([\w.]+): (.*)$/gm)].map(([, name = "", value = ""]) => [name, value]),
      );
    },
    memory: async () => {
      const { readReportedMemory } = await loadModule<typeof import("../systeminformation.ts")>(
        import.meta,
        "../systeminformation.ts",
      );
      return await readReportedMemory();
    },
  };
}
