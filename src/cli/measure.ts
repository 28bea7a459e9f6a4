import { BrainjarError } from "../budget/error.ts";
import type { Command } from "./brainjar.ts";

export const measure: Command = () =>
  Promise.reject(
    new BrainjarError("not-there-yet", "brainjar measure is not there yet", { kind: "engine" }),
  );
