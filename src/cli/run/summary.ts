import { sum } from "../../budget/sum.ts";
import type { EndEvent } from "../../experiment/events.ts";
import { endLines, lifeText } from "../../report/event_text.ts";
import { processLines } from "../../report/places/process_text.ts";
import { printable } from "../../report/printable.ts";
import type { Paragraph } from "../../report/short/paragraph.ts";
import { isLiving, type Life, type RunView } from "../../view/run_view.ts";

/** Lives that are listed; a run of a day has thousands. */
const MOST_LISTED = 12;

/**
 * What remains on the terminal of a run that was drawn: how it ended and what was given back, what went
 * wrong where it failed, and a line for each of the last lives.
 */
export function summary(view: RunView, end: EndEvent): Paragraph[] {
  const hasFailed = end.reason === "refused" || end.reason === "failed";
  const wrong = hasFailed ? view.happenings.filter(({ kind }) => kind === "warning") : [];
  const lives = view.lives.slice(-MOST_LISTED);
  const deaths = sum(view.jars.map(({ deaths }) => deaths));
  const before = deaths - lives.length;
  return [
    ...wrong.flatMap(({ text }) => text.split("\n")).map((text): Paragraph => ({
      words: [{ style: "warning", text }],
    })),
    ...endParagraphs(view, end, [
      ...(before > 0 ? [{ words: [`${before} lives before these:`] }] : []),
      ...lives.map((life) => lifeOf(life, view.at)),
    ]),
  ];
}

/** How a run ended and what was given back, the lives that are over, and those that went on till then. */
export function endParagraphs(
  view: RunView,
  end: EndEvent,
  over: readonly Paragraph[] = [],
): Paragraph[] {
  const now = Math.min(view.at, end.milliseconds);
  return [
    ...endLines(end).map((text): Paragraph => ({ words: [text] })),
    ...processLines(end.processes ?? []).map((line): Paragraph => {
      const words = line.trimStart();
      return { indent: line.length - words.length, words: [words] };
    }),
    ...over,
    ...view.jars.filter(isLiving).map(({ life }) => lifeOf(life, now)),
  ];
}

function lifeOf({ id, role, number, death, bornAt, ...life }: Life, now: number): Paragraph {
  const milliseconds = (death?.at ?? now) - bornAt;
  const label = printable(id);
  const text = lifeText({ deaths: number, life: { ...life, milliseconds } });
  return {
    label: [{ style: role, text: label }],
    indent: label.length + 2,
    words: [`${text}; ${death?.message ?? "it lived on"}`],
  };
}
