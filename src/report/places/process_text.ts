import { formatAmount } from "../../budget/size.ts";
import type { EndEvent } from "../../experiment/events.ts";
import { printable } from "../printable.ts";

/** A jar in a process of its own as it was seen last. */
type ProcessReport = NonNullable<EndEvent["processes"]>[number];

/** What started a jar's process, and where that is. */
interface Started {
  readonly launcher?: string;
  readonly host?: string;
  readonly job?: string;
}

/**
 * What started a jar's process and on which machine; nothing where it is the run's own.
 *
 * @example
 * ```ts
 * import { startedWords } from "./process_text.ts";
 * const words = startedWords({ launcher: "slurm", host: "node1", job: "slurm:151" });
 * if (words !== "by slurm on node1 (slurm:151)") throw new Error(words);
 * if (startedWords({}) !== "") throw new Error("In-process");
 * ```
 */
export function startedWords({ launcher, host, job }: Started): string {
  return [
    launcher === undefined ? undefined : `by ${printable(launcher)}`,
    host === undefined ? undefined : `on ${printable(host)}`,
    job === undefined ? undefined : `(${printable(job)})`,
  ].filter((text) => text !== undefined).join(" ");
}

/**
 * What a process holds against what it is held to, or against its floor where it is held to nothing.
 *
 * @example
 * ```ts
 * import { MB } from "../../budget/size.ts";
 * import { heldWords } from "./process_text.ts";
 * const words = heldWords({ heldBytes: 60 * MB, limitBytes: 90 * MB });
 * if (words !== "holds 60.00 MB, limit 90.00 MB") throw new Error(words);
 * ```
 */
export function heldWords(
  { heldBytes, limitBytes }: { readonly heldBytes?: number; readonly limitBytes?: number },
): string {
  const held = heldBytes === undefined ? "not running" : `holds ${formatAmount(heldBytes)}`;
  return `${held}, ${limitBytes === undefined ? "no limit" : `limit ${formatAmount(limitBytes)}`}`;
}

/** What jars in processes of their own held of what they were asked for, two lines each. */
export function processLines(processes: readonly ProcessReport[]): string[] {
  return processes.flatMap((process) => {
    const { id, isHere, limitBytes, requestBytes, floorBytes, mostHeldBytes } = process;
    const where = isHere && process.host === undefined ? " on this machine" : "";
    const held = mostHeldBytes === undefined
      ? "what it held was never measured"
      : `held ${formatAmount(mostHeldBytes)} at most`;
    const limit = limitBytes === undefined
      ? "held to no limit"
      : `limit ${formatAmount(limitBytes)}`;
    return [
      `${printable(id)}  ${formatAmount(reservedBy(process))}, ${startedWords(process)}${where}`,
      `  ${held}; ${limit}, request ${formatAmount(requestBytes)}, floor ${
        formatAmount(floorBytes)
      }`,
    ];
  });
}

/** What of RAM was reserved for it where it was. */
function reservedBy({ pools }: ProcessReport): number {
  return pools[0]?.reservedBytes ?? 0;
}
