/**
 * Time since a run began, as a clock shows it.
 *
 * @example
 * ```ts
 * import { clockText } from "./clock_text.ts";
 * if (clockText(65_000) !== "1:05" || clockText(3_600_000) !== "1:00:00") throw new Error("A clock");
 * ```
 */
export function clockText(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  const two = (figure: number) => String(figure).padStart(2, "0");
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
