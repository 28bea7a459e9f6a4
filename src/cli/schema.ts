import { BrainjarError } from "../budget/error.ts";
import type { Command } from "./brainjar.ts";

export const schema: Command = () =>
  Promise.reject(
    new BrainjarError("not-there-yet", "brainjar schema is not there yet", { kind: "engine" }),
  );
