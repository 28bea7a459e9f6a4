import { libraryNames, openNvml } from "./native_nvml.ts";
import type { Nvml } from "./nvml.ts";
import { endWithoutDestructors, NoAnswer } from "./within.ts";

/** Where NVML comes from: the library, or a recorded machine. */
export interface NvmlSource {
  /** Rejects with what `openNvml` does, and with a `NoAnswer` after it was given up. */
  open(): Promise<Nvml>;
  /** It didn't answer in time: nobody asks it again. */
  giveUp(noAnswer: NoAnswer): void;
}

/**
 * A library of these names, opened once and kept. One that was given up keeps its thread; that the
 * process ends all the same is arranged then.
 */
export function nvmlLibrary(names: readonly string[]): NvmlSource {
  let opened: Promise<Nvml> | undefined;
  let abandoned: NoAnswer | undefined;
  return {
    open: async () => {
      if (abandoned !== undefined) throw abandoned;
      opened ??= openNvml(names);
      try {
        return await opened;
      } catch (error) {
        // A driver that is loaded later is found then.
        opened = undefined;
        throw error;
      }
    },
    giveUp: (noAnswer) => {
      if (abandoned === undefined) endWithoutDestructors();
      abandoned = noAnswer;
    },
  };
}

/** This machine's. */
export const MACHINE_NVML: NvmlSource = nvmlLibrary(libraryNames());
