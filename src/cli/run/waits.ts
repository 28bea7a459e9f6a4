import type { HearWait, StartWait } from "../../jar_process/watch_start.ts";
import { clockText } from "../../view/clock_text.ts";

/** Where it is shown that jars wait to be started. */
export interface WaitsShown {
  /** Shows all that is waited for on a line that is drawn anew; nothing where nothing is any more. */
  readonly draw?: (text: string | undefined) => void;
  /** Says it on a line that stays. */
  readonly say?: (text: string) => void;
}

/** What is started by then was hardly waited for. */
const FIRST_SAID_MILLISECONDS = 10_000;

/** Between two lines that stay, where nothing else is said of it. */
const SAID_MILLISECONDS = 60_000;

/** Starts that are waited for, told as they go on. */
export function tellWaits({ draw, say }: WaitsShown): HearWait {
  const waits = new Map<string, StartWait>();
  let saidAt = FIRST_SAID_MILLISECONDS - SAID_MILLISECONDS;
  let said = "";
  return (id, wait) => {
    if (wait === undefined) waits.delete(id);
    else waits.set(id, wait);
    if (waits.size === 0) {
      saidAt = FIRST_SAID_MILLISECONDS - SAID_MILLISECONDS;
      return draw?.(undefined);
    }
    draw?.(waitsText(waits));
    const longest = Math.max(...[...waits.values()].map(({ milliseconds }) => milliseconds));
    const reasons = reasonsOf(waits);
    const isNew = reasons !== said && longest >= FIRST_SAID_MILLISECONDS;
    if (!isNew && longest < saidAt + SAID_MILLISECONDS) return;
    saidAt = longest;
    said = reasons;
    say?.(waitsText(waits));
  };
}

function reasonsOf(waits: ReadonlyMap<string, StartWait>): string {
  return [...waits].map(([id, { why }]) => `${id} ${why}`).join("\n");
}

/**
 * What is waited for, in a line: who by, for how long, and what is said of it.
 *
 * @example
 * ```ts
 * import { waitsText } from "./waits.ts";
 * const wait = { launcher: "slurm", milliseconds: 95_000, why: "PENDING (Resources)" };
 * const text = waitsText(new Map([["subject", wait], ["god", wait]]));
 * if (text !== "Waiting 1:35 for slurm to start 'subject', 'god': PENDING (Resources)") {
 *   throw new Error(text);
 * }
 * ```
 */
export function waitsText(waits: ReadonlyMap<string, StartWait>): string {
  const alike = Map.groupBy(waits, ([, { launcher, why }]) => `${launcher}\n${why}`);
  return [...alike.values()].map((group) => {
    const ids = group.map(([id]) => `'${id}'`).join(", ");
    const longest = Math.max(...group.map(([, { milliseconds }]) => milliseconds));
    const [[, { launcher, why }] = ["", { launcher: "", why: "" }]] = group;
    const reason = why === "" ? "" : `: ${why}`;
    return `Waiting ${clockText(longest)} for ${launcher} to start ${ids}${reason}`;
  }).join("; ");
}
