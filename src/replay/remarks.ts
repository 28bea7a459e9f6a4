import type { RunIndex } from "./index_runs.ts";
import { LONGEST_LINE } from "./lines.ts";
import type { RecordedRun } from "./recorded_run.ts";

/**
 * What isn't as it should be with a transcript, as sentences: a run that ends in the middle, parts that
 * are missing, lines that were left out. Complete once the run was read to its end.
 */
export function remarksOn(run: RecordedRun): string[] {
  const { index, leftOut, backwards } = run;
  const counts = [
    [leftOut.unknown, "an event that this brainjar doesn't know"],
    [leftOut.unreadable, "something that can't be read"],
    [leftOut.tooLong, `more than ${LONGEST_LINE / 1024 ** 2} MB`],
  ] as const;
  return [
    ...missingPart(index),
    ...cut(index),
    ...counts.flatMap(([count, what]) =>
      count === 0 ? [] : [`${lines(count)} left out, with ${what}`]
    ),
    ...(backwards === 0 ? [] : [
      `The time goes back in ${
        backwards === 1 ? "a line" : `${backwards} lines`
      }: the clock was set`,
    ]),
  ];
}

function missingPart({ start: { part = 1 } }: RunIndex): string[] {
  if (part === 1) return [];
  return [
    `The transcript begins with part ${part} of its run: deaths and lives before it aren't counted`,
  ];
}

function cut({ isWhole, isCutInLine, turns }: RunIndex): string[] {
  if (isWhole) return [];
  const where = turns.length === 0 ? "before the first turn" : `in turn ${turns.at(-1)}`;
  return [
    `The transcript ends ${where}, ${
      isCutInLine ? "in the middle of a line" : "without the run's end"
    }: the run was cut off, or goes on`,
  ];
}

function lines(count: number): string {
  return count === 1 ? "1 line is" : `${count} lines are`;
}
