import type { NoMachineIssue } from "../../budget/validation.ts";
import { GB, KB, MB } from "../../budget/size.ts";
import { askScheduler } from "./ask_scheduler.ts";

/** How a scheduler is asked which machines it has for jobs. */
export interface OffersCommand {
  /**
   * What prints a line for each, with bars between: its name, its memory, its devices, and whether it
   * takes no jobs (`true`).
   */
  readonly command: readonly string[];
  /** Options of the launcher's that choose among machines: this command takes them too. */
  readonly choosing: readonly string[];
}

/** A machine as a scheduler offers it, whether or not other jobs are on it now. */
export interface OfferedMachine {
  readonly name: string;
  /** What jobs may have of it, in bytes. */
  readonly memoryBytes: number;
  readonly gpus: number;
}

/** What a jar asks a scheduler for. */
export interface OfferNeed {
  readonly id: string;
  /** Its limit, in bytes. */
  readonly memoryBytes: number;
  readonly gpus: number;
}

/** Units as Kubernetes writes them; Slurm's are written so by the command. */
const UNITS: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: KB,
  Mi: MB,
  Gi: GB,
  Ti: KB * GB,
};

/**
 * The machines in a scheduler's answer, each once: Slurm names those of several partitions in each.
 * Lines that say no amount are left out.
 *
 * @example
 * ```ts
 * import { readOffers } from "./offers.ts";
 * const [one, two] = readOffers("node1|600Mi|gpu:a100:2(S:0)\nnode1|600Mi|\nnode2|24Gi|(null)\n");
 * if (one?.gpus !== 2 || two?.memoryBytes !== 24 * 1024 ** 3) throw new Error("Two machines");
 * ```
 */
export function readOffers(answer: string): OfferedMachine[] {
  const machines = new Map<string, OfferedMachine>();
  for (const line of answer.split("\n")) {
    const [name = "", memory = "", devices = "", isClosed] = line.split("|");
    const [, digits = "", unit = ""] = /^(\d+)([kMGT]?|[KMGT]i)$/.exec(memory.trim()) ?? [];
    const scale = UNITS[unit];
    if (digits === "" || scale === undefined || isClosed?.trim() === "true") continue;
    if (machines.has(name)) continue;
    machines.set(name, { name, memoryBytes: Number(digits) * scale, gpus: gpusIn(devices) });
  }
  return [...machines.values()];
}

/** Slurm's `gpu:a100:2(S:0-1),shard:8`, or a number. */
function gpusIn(devices: string): number {
  const found = devices.split(",").map((one) => /^(?:gpu:(?:[^:()]+:)?)?(\d+)(?:\(|$)/.exec(one));
  return found.reduce((count, one) => count + Number(one?.[1] ?? 0), 0);
}

/** The words that ask for offers, with those of the launcher's own that choose among machines. */
export function offersWords(
  { command, choosing }: OffersCommand,
  words: readonly string[],
): string[] {
  const chosen = words.filter((word, index) => {
    const before = words[index - 1];
    return choosing.some((option) =>
      word === option || word.startsWith(`${option}=`) ||
      (before === option && !word.startsWith("-"))
    );
  });
  return [...command, ...chosen];
}

/**
 * Asks a scheduler for its machines. Rejects where it can't be asked, or doesn't answer in time.
 */
export async function askOffers(
  offers: OffersCommand,
  words: readonly string[],
): Promise<OfferedMachine[]> {
  return readOffers(await askScheduler(offersWords(offers, words)));
}

/**
 * What layer 1 says of a jar that asks for more than any machine has that its scheduler offers: it would
 * wait in the queue for ever, or be refused by words that name no figure. Nothing where one has as much.
 */
export function offerIssue(
  { id, memoryBytes, gpus }: OfferNeed,
  launcher: string,
  machines: readonly OfferedMachine[],
): NoMachineIssue | undefined {
  const withDevices = machines.filter((one) => one.gpus >= gpus)
    .toSorted((a, b) => b.memoryBytes - a.memoryBytes);
  const [largest] = withDevices;
  if (largest !== undefined && largest.memoryBytes >= memoryBytes) return undefined;
  return {
    code: "no-machine-offered",
    id,
    launcher,
    memoryBytes,
    gpus,
    machines: machines.length,
    ...largest && { largest: { name: largest.name, memoryBytes: largest.memoryBytes } },
  };
}
