import { BrainjarError } from "../../budget/error.ts";
import type { ComputingDevice } from "../../plan/settings.ts";

/** Devices of `--devices`, in the engine's order. */
export function parseDevices(text: string): readonly ComputingDevice[] {
  throw new BrainjarError("invalid-value", `Flag "--devices" can't be "${text}"`, {
    hint: "It takes a backend and sizes: cuda=80GB, vulkan=24GB,24GB",
  });
}
