import configuration from "../../deno.json" with { type: "json" };
import { BrainjarError } from "../budget/error.ts";
import { exitCode } from "../budget/exit_codes.ts";
import { type CommandName, COMMANDS } from "./flags/commands.ts";
import { parseCommandLine, type ParsedFlags } from "./flags/parse.ts";
import { type Output, renderError } from "./terminal/output.ts";
import { type FlagValues, readValues } from "./flags/values.ts";

/** What a command is given. */
export interface CommandInput {
  readonly values: FlagValues;
  readonly operands: readonly string[];
  readonly output: Output;
}

/** A command: answers with the exit code, or throws a BrainjarError. */
export type Command = (input: CommandInput) => Promise<number>;

// Each command is loaded when it is asked for. `as string` hides it from Deno's module graph, which
// reads whatever a literal names before the first line runs: a third of a check's modules.
const LOADERS: Readonly<Record<CommandName, () => Promise<Command>>> = {
  run: async () => (await import("./commands/run.ts" as string)).run,
  check: async () => (await import("./commands/check.ts" as string)).check,
  estimate: async () => (await import("./commands/estimate.ts" as string)).estimate,
  memory: async () => (await import("./commands/memory.ts" as string)).memory,
  recommend: async () => (await import("./commands/recommend.ts" as string)).recommend,
  measure: async () => (await import("./commands/measure.ts" as string)).measure,
  release: async () => (await import("./commands/release.ts" as string)).release,
  schema: async () => (await import("./commands/schema.ts" as string)).schema,
  completions: async () => (await import("./commands/completions.ts" as string)).completions,
  man: async () => (await import("./commands/man.ts" as string)).man,
};

/**
 * Runs one command line and answers with its exit code (src/budget/README.md, "Exit codes"). Never throws for
 * anything a person can cause.
 */
export async function brainjar(argv: readonly string[], output: Output): Promise<number> {
  try {
    const line = parseCommandLine(argv);
    if (line.kind === "version") {
      output.answer(`brainjar ${configuration.version}\n`);
      return 0;
    }
    if (line.kind === "help") {
      const help: typeof import("./help/help.ts") = await import("./help/help.ts" as string);
      output.answer(
        line.command === undefined ? help.renderOverview() : help.renderCommandHelp(line.command),
      );
      return 0;
    }
    const values = readValues(line.command, line.flags);
    rejectOperands(line.command, line.flags);
    const command = await LOADERS[line.command]();
    return await command({ values, operands: line.flags.operands, output });
  } catch (error) {
    const told = explain(error);
    output.say(renderError(told, output));
    // Whoever reads it is gone, or its disk is full: there is nowhere to answer to.
    if (told.code === "output-failed") return exitCode(told.kind);
    const { errorAnswer }: typeof import("./error_answer.ts") = await import(
      "./error_answer.ts" as string
    );
    output.answer(await errorAnswer(argv, told));
    return exitCode(told.kind);
  }
}

function rejectOperands(command: CommandName, flags: ParsedFlags): void {
  const definition = COMMANDS.find((candidate) => candidate.name === command);
  const operand = flags.operands[0];
  if (operand === undefined || definition?.operands !== "") return;
  throw new BrainjarError(
    "unexpected-operand",
    `Unexpected "${operand}" after brainjar ${command}`,
    { hint: `Name models with --model ${operand}, or see brainjar ${command} --help` },
  );
}

/** Any error as one that has a code, a sentence and a hint; never a stack trace. */
function explain(error: unknown): BrainjarError {
  if (error instanceof BrainjarError) return error;
  if (error instanceof Deno.errors.NotCapable) {
    return new BrainjarError("permission-missing", `Deno refused: ${firstLine(error.message)}`, {
      hint: "Run brainjar with the permission sets of its deno.json, as the README shows",
      kind: "engine",
      cause: error,
    });
  }
  const message = error instanceof Error ? firstLine(error.message) : String(error);
  return new BrainjarError("internal", `brainjar itself failed: ${message}`, {
    hint: "This is a bug: please report it with the command line that caused it",
    kind: "engine",
    cause: error,
  });
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? text;
}
