import type { EndEvent } from "../../experiment/events.ts";
import { endLines, lifeText } from "../../report/event_text.ts";
import type { JarView, Life, RunView } from "../../view/run_view.ts";

/** Lives that are listed; a run of a day has thousands. */
const MOST_LISTED = 12;

/**
 * What remains on the terminal of a run that was drawn: how it ended and what was given back, what went
 * wrong where it failed, and a line for each of the last lives. Ends with a line break.
 */
export function summary(view: RunView, end: EndEvent): string {
  const hasFailed = end.reason === "refused" || end.reason === "failed";
  const wrong = hasFailed ? view.happenings.filter(({ kind }) => kind === "warning") : [];
  const living = view.jars.filter(isLiving).map(({ life }) => life);
  const lives = [...view.lives, ...living];
  const listed = lives.slice(-MOST_LISTED);
  const all = view.jars.reduce((sum, { deaths }) => sum + deaths, 0) + living.length;
  const before = all - listed.length;
  const lines = [
    ...wrong.map(({ text }) => text),
    ...endLines(end),
    ...(before > 0 ? [`${before} lives before these:`] : []),
    ...listed.map((life) => lifeOf(life, view.at)),
  ];
  return lines.map((line) => `${line}\n`).join("");
}

function isLiving({ state, life }: JarView): boolean {
  return (state === "alive" || state === "thinking") && life.thoughts > 0;
}

function lifeOf({ id, number, death, bornAt, ...life }: Life, now: number): string {
  const milliseconds = (death?.at ?? now) - bornAt;
  const text = lifeText({ id, deaths: number, life: { ...life, milliseconds } });
  return `${text}; ${death?.message ?? "it lived on"}`;
}
