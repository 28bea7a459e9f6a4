import { type Clock, settlesWithin } from "../experiment/clock.ts";
import type { JarChild } from "./jar_link.ts";

/** How long a start has waited, and what for. */
export interface StartWait {
  readonly launcher: string;
  readonly milliseconds: number;
  /** What its queue says of it, else what it said itself at last; empty where nobody says anything. */
  readonly why: string;
}

/** Hears every second how long a jar's start has waited, and once that it doesn't any more. */
export type HearWait = (id: string, wait: StartWait | undefined) => void;

/** A start that is watched. */
interface WatchedStart {
  readonly id: string;
  readonly launcher: string;
  readonly clock: Clock;
  readonly askQueue: JarChild["askQueue"];
  /** What it said on stderr until now. */
  readonly said: () => string;
  /** Tells people what a start waits for. */
  readonly tell: (code: string, message: string) => void;
  readonly hearWait?: HearWait | undefined;
}

/** Between two tellings of how long it has been. */
const TELL_MILLISECONDS = 1_000;

/** Before its queue is asked for the first time: what there is room for starts within that. */
const FIRST_LOOK_MILLISECONDS = 2_000;

/** Between two looks at its queue, which has others to answer; what has none is late after that. */
const LOOK_MILLISECONDS = 10_000;

/**
 * Tells how long a start waits until it is over, and why: what its queue says, each time that it is
 * something else; where it has none, its own last words, once.
 *
 * @param over resolves when it waits no more
 * @returns what the queue said last
 */
export function watchStart(
  start: WatchedStart,
  over: Promise<unknown>,
): { readonly inQueue: string } {
  const { id, launcher, clock, askQueue, said, hearWait } = start;
  const seen = { inQueue: "" };
  let isOver = false;
  let isAsked = false;
  let told: string | undefined;
  const tell = (why: string) => {
    if (isOver || why === told) return;
    told = why;
    const reason = why === "" ? "" : `: ${why}`;
    start.tell("jar-waits", `'${id}' waits to be started by ${launcher}${reason}`);
  };
  const look = async () => {
    if (askQueue === undefined) return tell(told ?? lastLine(said()));
    if (isAsked) return;
    isAsked = true;
    const answer = (await askQueue().catch(() => "")).trim();
    isAsked = false;
    if (answer === "") return;
    seen.inQueue = answer;
    tell(answer);
  };
  const watch = async () => {
    const began = clock.now();
    let looksAt = askQueue === undefined ? LOOK_MILLISECONDS : FIRST_LOOK_MILLISECONDS;
    while (!await settlesWithin(over, TELL_MILLISECONDS, clock)) {
      const milliseconds = clock.now() - began;
      hearWait?.(id, { launcher, milliseconds, why: seen.inQueue || lastLine(said()) });
      if (milliseconds < looksAt) continue;
      looksAt = milliseconds + LOOK_MILLISECONDS;
      look();
    }
    isOver = true;
    hearWait?.(id, undefined);
  };
  watch();
  return seen;
}

/** What a program said last on stderr; a line that it wrote over and over counts as it stands now. */
export function lastLine(text: string): string {
  return text.trim().split(/[\r\n]+/).at(-1)?.trim() ?? "";
}
