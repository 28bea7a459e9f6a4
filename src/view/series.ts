/** A figure over time: at most so many points, the older ones further apart once there are more. */
export interface Series {
  /** Milliseconds between two points that are kept; doubles whenever the series is full. */
  readonly stepMilliseconds: number;
  readonly points: readonly Point[];
}

/** A figure at a moment, in milliseconds since the run began. */
interface Point {
  readonly at: number;
  readonly value: number;
}

/** Enough for a plot as wide as a page. */
const MOST_POINTS = 600;

export const EMPTY_SERIES: Series = { stepMilliseconds: 0, points: [] };

/**
 * The series with one more point. It never has more than 600: a full one keeps every second of its
 * points, so that a day takes no more memory than ten minutes.
 *
 * @example
 * ```ts
 * import { appendPoint, EMPTY_SERIES } from "./series.ts";
 * let series = EMPTY_SERIES;
 * for (let at = 0; at < 100_000; at++) series = appendPoint(series, { at, value: at });
 * if (series.points.length > 600 || series.points[0]?.at !== 0) throw new Error("Bounded");
 * ```
 */
export function appendPoint(series: Series, point: Point): Series {
  const { stepMilliseconds, points } = series;
  const last = points.at(-1);
  const before = points.at(-2);
  // The last point is always the newest one; it stays for good once it is far enough from the one before.
  const replaces = last !== undefined && before !== undefined &&
    last.at - before.at < stepMilliseconds;
  const kept = replaces ? points.slice(0, -1) : points;
  const appended = [...kept, point];
  if (appended.length <= MOST_POINTS) return { stepMilliseconds, points: appended };
  const span = point.at - (appended[0]?.at ?? 0);
  return {
    stepMilliseconds: Math.max(2 * stepMilliseconds, 2 * span / MOST_POINTS),
    points: appended.filter((_, index) => index % 2 === 0),
  };
}
