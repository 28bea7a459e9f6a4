import type { StartDryLoads } from "../engine/dry_load_process.ts";
import type { FlagValues } from "./flags/values.ts";
import type { Output } from "./terminal/output.ts";

/** What a command is given. */
export interface CommandInput {
  readonly values: FlagValues;
  readonly operands: readonly string[];
  readonly output: Output;
  /** What starts this program for dry loads, where it can be started a second time. */
  readonly dryLoadCommand?: StartDryLoads;
  /** The same for a jar in a process of its own. */
  readonly jarCommand?: StartDryLoads;
}

/** A command: answers with the exit code, or throws a BrainjarError. */
export type Command = (input: CommandInput) => number | Promise<number>;
