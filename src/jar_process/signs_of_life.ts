import type { Clock } from "../experiment/clock.ts";
import type { PlaceRun } from "../experiment/jar/place.ts";
import type { JarLink } from "./jar_link.ts";

/** Asks a process how it is as long as it lives, and ends it when it is silent for too long. */
export async function keepAsking(
  link: JarLink,
  { clock, limits }: Pick<PlaceRun, "clock" | "limits">,
): Promise<void> {
  let heardAt = clock.now();
  while (!link.isOver) {
    link.send({ ask: "vitals" });
    link.lookAtKernel();
    const before = clock.now();
    await clock.sleep(limits.watchMilliseconds);
    heardAt = Math.max(heardAt, link.heardAt) +
      stoppedFor(clock, before + limits.watchMilliseconds);
    const silence = clock.now() - heardAt;
    if (silence > limits.silenceMilliseconds) await link.endForSilence(silence);
  }
}

/**
 * For how long this process itself was stopped that was to wake then, in milliseconds: meanwhile it heard
 * nobody.
 */
export function stoppedFor(clock: Clock, wakesAt: number): number {
  const late = clock.now() - wakesAt;
  return late > LATE_MILLISECONDS ? late : 0;
}

/** A busy machine wakes nobody as late as that. */
const LATE_MILLISECONDS = 1_000;
