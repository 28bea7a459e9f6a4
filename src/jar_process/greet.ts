import { BrainjarError } from "../budget/error.ts";
import { type Clock, settlesWithin } from "../experiment/clock.ts";
import { JAR_PROTOCOL } from "../report/schema/jar.ts";
import type { JarChild } from "./jar_link.ts";
import { notStarted } from "./ended_early.ts";
import type { ProcessEnd } from "./process_end.ts";
import { type HearWait, lastLine, watchStart } from "./watch_start.ts";
import type { Hello } from "./inside/serve_jar.ts";

/** A start that waits for a process's first line. */
export interface Greeting {
  readonly id: string;
  readonly launcher: string;
  /** brainjar's own version: the other side must have the same. */
  readonly version: string;
  readonly clock: Clock;
  /** How long it may take. */
  readonly milliseconds: number;
  /** What it says first, or how it ended. */
  readonly hello: Promise<Hello | ProcessEnd>;
  /** What it said on stderr until now. */
  readonly said: () => string;
  readonly askQueue: JarChild["askQueue"];
  /** Tells people what a start waits for. */
  readonly tell: (code: string, message: string) => void;
  /** Hears how long it takes. */
  readonly hearWait?: HearWait | undefined;
}

/**
 * Waits until a started process has said who it is, and tells why it waits where its queue says so.
 *
 * @throws {BrainjarError} `jar-not-started` with what its queue says; `jar-version`; what it died of
 */
export async function greet(greeting: Greeting): Promise<Hello> {
  const { id, launcher, version, clock, milliseconds, hello, said } = greeting;
  const over = Promise.withResolvers<void>();
  const queue = watchStart(greeting, Promise.race([hello, over.promise]));
  const isIn = await settlesWithin(hello, milliseconds, clock);
  over.resolve();
  if (!isIn) {
    const time = `${Math.round(milliseconds / 1000)} s`;
    const message = `Launcher ${launcher} didn't start '${id}' within ${time}`;
    const hint = whatIsSaid(queue.inQueue, said(), greeting.askQueue !== undefined);
    throw new BrainjarError("jar-not-started", message, { kind: "engine", hint });
  }
  const first = await hello;
  if (!("answer" in first)) throw notStarted(id, launcher, first);
  if (first.protocol !== JAR_PROTOCOL || first.version !== version) {
    throw new BrainjarError(
      "jar-version",
      `'${id}' is brainjar ${first.version} (${first.protocol}) on ${first.host}, and this is ` +
        `brainjar ${version} (${JAR_PROTOCOL})`,
      { hint: "Have the launcher start the same version" },
    );
  }
  return first;
}

function whatIsSaid(inQueue: string, stderr: string, hasQueue: boolean): string {
  const last = lastLine(stderr);
  if (inQueue !== "") return `Its queue says: ${inQueue}`;
  if (last !== "") return `It said: ${last}`;
  return hasQueue ? "Look what its queue says" : SAYS_NOTHING;
}

const SAYS_NOTHING = "It said nothing: typed by hand, its command has to print the first line of " +
  "brainjar jar; where it only takes long, --start-timeout gives it longer";
