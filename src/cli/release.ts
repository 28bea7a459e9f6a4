import { BrainjarError } from "../budget/error.ts";
import type { Command } from "./brainjar.ts";

export const release: Command = () =>
  Promise.reject(
    new BrainjarError("not-there-yet", "brainjar release is not there yet", { kind: "engine" }),
  );
