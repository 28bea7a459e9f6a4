import { defined } from "../budget/defined.ts";
import { exitCode } from "../budget/exit_codes.ts";
import { RAM } from "../budget/pools/pools.ts";
import { sum } from "../budget/sum.ts";
import type { EndEvent, EndReason } from "../experiment/events.ts";
import { CAUSE_MESSAGES, type DeathCause } from "../experiment/jar/death_cause.ts";
import { processReports } from "../experiment/jar/seen_process.ts";
import { everyInstance } from "../report/places/places.ts";
import { isDead, type RunView } from "../view/run_view.ts";

/** A line as JSON has it. */
export type Fields = Readonly<Record<string, unknown>>;

/** Where there is no pool, no figure is shown: it isn't known. */
const NO_POOLS = { pools: [] };
const NOTHING_GIVEN_BACK = { givenBackBytes: 0, reservedBytes: 0, ...NO_POOLS };
const NOTHING_ALLOCATED = {
  allocatedBytes: 0,
  totalBytes: 0,
  usableBytes: 0,
  remainingBytes: 0,
  ...NO_POOLS,
};
const NO_PREFLIGHT = {
  ok: true,
  level: "ok",
  availableBytes: 0,
  requiredBytes: 0,
  headroomBytes: 0,
  neededBytes: 0,
  shortBytes: 0,
  usedPercent: 0,
  ...NO_POOLS,
};

/** The exit code where a transcript has none: how it most likely was, by the reason. */
const EXIT_CODES: Readonly<Record<EndReason, number>> = {
  turns: exitCode("success"),
  stopped: exitCode("SIGINT"),
  refused: exitCode("refused"),
  failed: exitCode("engine"),
  "no-jar-left": exitCode("engine"),
};

/** What is known when a line is read. */
interface Before {
  /** What is seen before it. */
  readonly view: RunView;
  /** Milliseconds since the run began. */
  readonly at: number;
  /** The same of the last line that was no sample of memory: what it tells began then at the latest. */
  readonly since: number;
}

/**
 * A line with what its event has and transcripts leave out, since it is measured: durations from the
 * times of lines, and what follows from what was seen before; no pools, where figures of memory aren't
 * known. What the line has stays as it is. The first version leaves out more than the second.
 *
 * @example
 * ```ts
 * import { EMPTY_VIEW } from "../view/run_view.ts";
 * import { completed } from "./complete.ts";
 * const before = { view: EMPTY_VIEW, at: 5, since: 2 };
 * const death = completed({ event: "death", cause: "context-full" }, before);
 * if (death.message !== "its context was full") throw new Error("Its cause says it");
 * if (completed({ event: "thought" }, before).milliseconds !== 3) throw new Error("Its times do");
 * ```
 */
export function completed(line: Fields, { view, at, since }: Before): Fields {
  const jar = view.jars.find(({ id }) => id === line.id);
  const milliseconds = at - since;
  switch (line.event) {
    case "thought":
      return { milliseconds, ...line };
    case "loaded":
      return {
        milliseconds,
        shared: sharesWeights(line.id, view),
        ...startedFor(line.id, view),
        ...line,
      };
    case "allocated":
      return { ...allocatedFor(line.id, view), preflight: NO_PREFLIGHT, ...line };
    case "death": {
      const { turns = 0, thoughts = 0, tokens = 0, bornAt = at } = jar?.life ?? {};
      const told = typeof line.life === "object" ? line.life : {};
      return {
        message: messageOf(line.cause),
        ...NOTHING_GIVEN_BACK,
        ...line,
        life: { turns, thoughts, tokens, milliseconds: at - bornAt, ...told },
      };
    }
    case "resurrection":
      return {
        ...jar?.lastDeath && { cause: jar.lastDeath.cause, message: jar.lastDeath.message },
        ...allocatedFor(line.id, view),
        preflight: NO_PREFLIGHT,
        milliseconds,
        ...startedFor(line.id, view),
        ...line,
      };
    case "end":
      return {
        exitCode: EXIT_CODES[line.reason as EndReason],
        seed: view.seed ?? 0,
        resurrections: resurrectionsIn(view),
        milliseconds: at,
        ...processesIn(view),
        ...NOTHING_GIVEN_BACK,
        ...line,
      };
    default:
      return line;
  }
}

/** What was validated for a jar: a sample of memory says it more exactly, soon after. */
function allocatedFor(id: unknown, { validation }: RunView) {
  const judged = validation && everyInstance(validation);
  const { requiredBytes = 0, sharedBytes = 0 } = judged?.find((one) => one.id === id) ?? {};
  return { ...NOTHING_ALLOCATED, allocatedBytes: requiredBytes - sharedBytes };
}

/** Whether its model was in memory already: another jar of the same process had it. */
function sharesWeights(id: unknown, { jars, validation }: RunView): boolean {
  const own = jars.find((jar) => jar.id === id);
  return own !== undefined && own.place?.launcher === undefined &&
    validation?.shareWeights === true &&
    jars.some((jar) =>
      jar.id !== id && jar.state !== "waiting" && jar.state !== "loading" &&
      jar.model === own.model && jar.place?.launcher === undefined
    );
}

/** What started a jar's process: where that was, the samples of memory after it say. */
function startedFor(id: unknown, { jars }: RunView) {
  return defined({ launcher: jars.find((jar) => jar.id === id)?.place?.launcher });
}

/** Jars in processes of their own as samples of memory saw them last. */
function processesIn({ jars, validation }: RunView): Pick<EndEvent, "processes"> {
  const reports = processReports(
    validation?.places ?? [],
    jars.map(({ id, place, reservedBytes, residentBytes, devices }) => {
      const { host, job, isHere = false, heldBytes, mostHeldBytes } = place ?? {};
      const process = { isHere, ...defined({ host, job, heldBytes, mostHeldBytes }) };
      return { id, pools: [{ id: RAM, reservedBytes, residentBytes }, ...devices], process };
    }),
  );
  return reports.length === 0 ? {} : { processes: reports };
}

function messageOf(cause: unknown): string {
  return typeof cause === "string" && Object.hasOwn(CAUSE_MESSAGES, cause)
    ? CAUSE_MESSAGES[cause as DeathCause]
    : String(cause);
}

function resurrectionsIn({ jars }: RunView): number {
  return sum(jars.map((jar) => isDead(jar) ? Math.max(0, jar.deaths - 1) : jar.deaths));
}
