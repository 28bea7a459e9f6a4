import { BrainjarError } from "../budget/error.ts";
import { CAUSE_MESSAGES, type DeathCause } from "../experiment/jar/death_cause.ts";
import { deathBy, type ProcessEnd } from "./process_end.ts";

/** A shell's exit code for a program that it didn't find, and for one that it may not run. */
const NO_PROGRAM: ReadonlySet<number | undefined> = new Set([126, 127]);

/** A jar's process ended while something was asked of it. */
export function endedEarly(id: string, launcher: string, end: ProcessEnd): BrainjarError {
  return failure([id, launcher, end], []);
}

/**
 * A jar's process ended before it said hello: how, in its own words, and what to look at.
 *
 * @example
 * ```ts
 * import { notStarted } from "./ended_early.ts";
 * const { hint = "" } = notStarted("god", "ssh lab", {
 *   code: 127,
 *   said: "bash: line 1: brainjar: command not found",
 * });
 * if (!hint.includes("after --")) throw new Error(hint);
 * ```
 */
export function notStarted(id: string, launcher: string, end: ProcessEnd): BrainjarError {
  return failure([id, launcher, end], adviceOn(deathBy(end).cause, launcher, end));
}

/** A jar's process answers, and nothing comes of what it was asked. */
export function stoodStill(id: string, launcher: string, milliseconds: number): BrainjarError {
  return new BrainjarError(
    "jar-stalled",
    `Jar '${id}', started by launcher ${launcher}, lives and doesn't get on: nothing came of its ` +
      `load for ${Math.round(milliseconds / 1000)} s`,
    {
      kind: "engine",
      hint: "A disk or a device that hangs does that; brainjar measure loads the model there alone",
    },
  );
}

function failure(
  [id, launcher, end]: readonly [string, string, ProcessEnd],
  advice: readonly string[],
): BrainjarError {
  const { cause, detail = "It said nothing" } = deathBy(end);
  return new BrainjarError(
    `jar-${cause}`.replace("jar-jar-", "jar-"),
    `Jar '${id}', started by launcher ${launcher}: ${CAUSE_MESSAGES[cause]}`,
    { kind: "engine", hint: [detail, ...advice].join("; ") },
  );
}

function adviceOn(cause: DeathCause, launcher: string, { code, said }: ProcessEnd): string[] {
  if (cause === "jar-protocol") {
    return [
      "what comes before brainjar, as a shell's start-up file or an image's entrypoint, may " +
      "print to stderr alone",
    ];
  }
  if (cause !== "exited") return [];
  if (NO_PROGRAM.has(code)) {
    return [
      `what starts brainjar there can be said after --: --launcher "${launcher} -- /opt/brainjar jar"`,
    ];
  }
  return said.trim() === "" ? ["what was started is no brainjar jar, or its input is closed"] : [];
}
