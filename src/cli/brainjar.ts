import configuration from "../../deno.json" with { type: "json" };
import { defined } from "../budget/defined.ts";
import { BrainjarError, lineOf } from "../budget/error.ts";
import { exitCode } from "../budget/exit_codes.ts";
import type { StartDryLoads } from "../engine/dry_load_process.ts";
import { loadModule } from "../load_module.ts";
import type { Command } from "./command.ts";
import { type CommandName, COMMANDS } from "./flags/commands.ts";
import { flagsOf } from "./flags/flags.ts";
import { parseCommandLine, type ParsedFlags } from "./flags/parse.ts";
import { type Output, renderError } from "./terminal/output.ts";
import { readValues } from "./flags/values.ts";

/** Each command's code is loaded when it is asked for. */
const LOADERS: Readonly<Record<CommandName, () => Promise<{ readonly command: Command }>>> = {
  run: () => loadModule<typeof import("./commands/run.ts")>(import.meta, "./commands/run.ts"),
  replay: () =>
    loadModule<typeof import("./commands/replay.ts")>(import.meta, "./commands/replay.ts"),
  report: () =>
    loadModule<typeof import("./commands/report.ts")>(import.meta, "./commands/report.ts"),
  check: () => loadModule<typeof import("./commands/check.ts")>(import.meta, "./commands/check.ts"),
  estimate: () =>
    loadModule<typeof import("./commands/estimate.ts")>(import.meta, "./commands/estimate.ts"),
  memory: () =>
    loadModule<typeof import("./commands/memory.ts")>(import.meta, "./commands/memory.ts"),
  recommend: () =>
    loadModule<typeof import("./commands/recommend.ts")>(import.meta, "./commands/recommend.ts"),
  plan: () => loadModule<typeof import("./commands/plan.ts")>(import.meta, "./commands/plan.ts"),
  measure: () =>
    loadModule<typeof import("./commands/measure.ts")>(import.meta, "./commands/measure.ts"),
  jar: () => loadModule<typeof import("./commands/jar.ts")>(import.meta, "./commands/jar.ts"),
  prompts: () =>
    loadModule<typeof import("./commands/prompts.ts")>(import.meta, "./commands/prompts.ts"),
  release: () =>
    loadModule<typeof import("./commands/release.ts")>(import.meta, "./commands/release.ts"),
  schema: () =>
    loadModule<typeof import("./commands/schema.ts")>(import.meta, "./commands/schema.ts"),
  completions: () =>
    loadModule<typeof import("./commands/completions.ts")>(
      import.meta,
      "./commands/completions.ts",
    ),
  man: () => loadModule<typeof import("./commands/man.ts")>(import.meta, "./commands/man.ts"),
};

/** How the program was started. */
interface Started {
  /** The folder that paths are meant from, where it isn't the process's own. */
  readonly typedIn?: string | undefined;
  /** What starts this program for dry loads; without it they are made here. */
  readonly dryLoadCommand?: StartDryLoads | undefined;
  /** The same for a jar in a process of its own; without it a run starts none. */
  readonly jarCommand?: StartDryLoads | undefined;
}

/**
 * Runs one command line and answers with its exit code (src/budget/README.md, "Exit codes"). Never throws for
 * anything a person can cause.
 *
 * @param started How the program was started.
 */
export async function brainjar(
  argv: readonly string[],
  output: Output,
  { typedIn, dryLoadCommand, jarCommand }: Started = {},
): Promise<number> {
  try {
    if (typedIn) enter(typedIn);
    const line = parseCommandLine(argv);
    if (line.kind === "version") {
      output.answer(`brainjar ${configuration.version}\n`);
      return 0;
    }
    if (line.kind === "help") {
      const help = await loadModule<typeof import("./help/help.ts")>(import.meta, "./help/help.ts");
      output.answer(
        line.command === undefined ? help.renderOverview() : help.renderCommandHelp(line.command),
      );
      return 0;
    }
    const values = readValues(line.command, line.flags);
    rejectOperands(line.command, line.flags);
    const { command } = await LOADERS[line.command]();
    const { operands } = line.flags;
    return await command({ values, operands, output, ...defined({ dryLoadCommand, jarCommand }) });
  } catch (error) {
    const told = explain(error);
    output.say(renderError(told, output));
    // Whoever reads it is gone, or its disk is full: there is nowhere to answer to.
    if (told.code === "output-failed") return exitCode(told.kind);
    const { errorAnswer } = await loadModule<typeof import("./error_answer.ts")>(
      import.meta,
      "./error_answer.ts",
    );
    output.answer(errorAnswer(argv, told));
    return exitCode(told.kind);
  }
}

function enter(folder: string): void {
  try {
    Deno.chdir(folder);
  } catch (cause) {
    throw new BrainjarError("folder-not-found", `Folder can't be entered: ${folder}`, {
      hint: "$BRAINJAR_CWD names it as the one where brainjar was typed: unset it",
      cause,
    });
  }
}

function rejectOperands(command: CommandName, flags: ParsedFlags): void {
  const definition = COMMANDS.find((candidate) => candidate.name === command);
  const operand = flags.operands[0];
  if (flags.operands.includes("")) {
    throw new BrainjarError("empty-operand", `An empty word stands after brainjar ${command}`, {
      hint: "A variable may be unset: give it a value, or leave the word out",
    });
  }
  if (operand === undefined || definition?.operands !== "") return;
  throw new BrainjarError(
    "unexpected-operand",
    `Unexpected "${operand}" after brainjar ${command}`,
    {
      hint: flagsOf(command).some(({ name }) => name === "model")
        ? `Name models with --model ${operand}, or see brainjar ${command} --help`
        : `Leave it out: brainjar ${command} takes flags alone`,
    },
  );
}

/** Any error as one that has a code, a sentence and a hint; never a stack trace. */
function explain(error: unknown): BrainjarError {
  if (error instanceof BrainjarError) return error;
  if (error instanceof Deno.errors.NotCapable) {
    return new BrainjarError("permission-missing", `Deno refused: ${lineOf(error)}`, {
      hint: "Run brainjar with the permission sets of its deno.json, as the README shows",
      kind: "engine",
      cause: error,
    });
  }
  return new BrainjarError("internal", `brainjar itself failed: ${lineOf(error)}`, {
    hint: "This is a bug: please report it with the command line that caused it",
    kind: "engine",
    cause: error,
  });
}
