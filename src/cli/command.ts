import type { FlagValues } from "./flags/values.ts";
import type { Output } from "./terminal/output.ts";

/** What a command is given. */
interface CommandInput {
  readonly values: FlagValues;
  readonly operands: readonly string[];
  readonly output: Output;
}

/** A command: answers with the exit code, or throws a BrainjarError. */
export type Command = (input: CommandInput) => number | Promise<number>;
