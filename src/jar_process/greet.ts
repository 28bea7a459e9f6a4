import { BrainjarError } from "../budget/error.ts";
import { type Clock, settlesWithin } from "../experiment/clock.ts";
import { JAR_PROTOCOL } from "../report/schema/jar.ts";
import type { JarChild } from "./jar_link.ts";
import { notStarted } from "./ended_early.ts";
import type { ProcessEnd } from "./process_end.ts";
import type { Hello } from "./serve_jar.ts";

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
}

/** Before its queue is asked for the first time: what there is room for starts within that. */
const FIRST_LOOK_MILLISECONDS = 2_000;

/** Between two looks at its queue: who keeps it has others to answer. */
const LOOK_MILLISECONDS = 10_000;

/**
 * Waits until a started process has said who it is, and tells why it waits where its queue says so.
 *
 * @throws {BrainjarError} `jar-not-started` with what its queue says; `jar-version`; what it died of
 */
export async function greet(greeting: Greeting): Promise<Hello> {
  const { id, launcher, version, clock, milliseconds, hello, said } = greeting;
  const over = Promise.withResolvers<void>();
  const queue = watchQueue(greeting, Promise.race([hello, over.promise]));
  const isIn = await settlesWithin(hello, milliseconds, clock);
  over.resolve();
  if (!isIn) {
    const time = `${Math.round(milliseconds / 1000)} s`;
    const message = `Launcher ${launcher} didn't start '${id}' within ${time}`;
    const hint = whatIsSaid(queue.said, said());
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

/** Tells what the queue says of a start, each time that it is something else, until it is over. */
function watchQueue(
  { id, launcher, clock, askQueue, tell }: Greeting,
  over: Promise<unknown>,
): { readonly said: string } {
  const told = { said: "" };
  const watch = async () => {
    let milliseconds = FIRST_LOOK_MILLISECONDS;
    while (!await settlesWithin(over, milliseconds, clock)) {
      milliseconds = LOOK_MILLISECONDS;
      const said = (await askQueue?.().catch(() => undefined))?.trim() ?? "";
      if (said === "" || said === told.said) continue;
      told.said = said;
      tell("jar-waits", `'${id}' waits to be started by ${launcher}: ${said}`);
    }
  };
  if (askQueue !== undefined) watch();
  return told;
}

function whatIsSaid(queue: string, stderr: string): string {
  const last = stderr.trim().split("\n").at(-1) ?? "";
  if (queue !== "") return `Its queue says: ${queue}`;
  return last === "" ? "Look what its queue says" : `It said: ${last}`;
}
