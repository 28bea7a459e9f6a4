import type { Processes } from "../machine/processes.ts";

/** Memory promised to a jar of a process. */
export interface ProcessEntry {
  readonly kind: "process";
  /** Unique within the process. */
  readonly id: string;
  readonly processId: number;
  /** Tells a process from a later one with the same id. */
  readonly startTime: string;
  readonly namespace: string;
  readonly promisedBytes: number;
  /** Anonymous memory that the process held before its first promise: it fills none of it. */
  readonly baselineBytes: number;
  /** How much of the promise was filled when the process last said so. */
  readonly residentBytes: number;
  /** Milliseconds since boot at which the process last wrote this entry. */
  readonly seenAt: number;
}

/** Memory held for whoever comes next: no process fills it, and it ends by itself. */
export interface HoldEntry {
  readonly kind: "hold";
  readonly token: string;
  readonly promisedBytes: number;
  /** Milliseconds since boot. */
  readonly expiresAt: number;
  readonly durationMilliseconds: number;
}

export type LedgerEntry = ProcessEntry | HoldEntry;

/** What the processes of one user were promised. */
export interface Ledger {
  /** The boot it was written in; nothing of an earlier boot is alive. */
  readonly bootId: string;
  readonly entries: readonly LedgerEntry[];
}

/** One owner's promises and how much of them is still to be filled, all in bytes. */
export interface PromiseSum {
  /** Absent for a hold. */
  readonly processId?: number;
  /** Jar ids; for a hold, none. The token is a secret of who holds it. */
  readonly ids: readonly string[];
  readonly promisedBytes: number;
  readonly residentBytes: number;
  /** promised − resident: what available memory still counts and is already given away. */
  readonly unfilledBytes: number;
  /** Milliseconds until a hold ends by itself. */
  readonly endsInMilliseconds?: number;
}

/**
 * How long an entry of a process that can't be looked at (another container on the same folder)
 * counts without being written again. A running brainjar writes its entries every few seconds.
 */
const FOREIGN_LIFETIME_MILLISECONDS = 10 * 60 * 1000;

/**
 * The ledger without what no longer counts: another boot's entries, ended holds, and processes that
 * are gone or whose id belongs to another process now.
 *
 * A hold can never last longer than it was made for: if the clock went back, it starts anew.
 */
export function pruneLedger(ledger: Ledger, processes: Processes): Ledger {
  const now = processes.now();
  // An unknown boot on either side proves nothing.
  const rebooted = ledger.bootId !== "" && processes.bootId !== "" &&
    ledger.bootId !== processes.bootId;
  const entries = rebooted ? [] : ledger.entries.flatMap((entry): LedgerEntry[] => {
    if (entry.kind === "process") return isAlive(entry, processes, now) ? [entry] : [];
    if (entry.expiresAt <= now) return [];
    const latest = now + entry.durationMilliseconds;
    return [entry.expiresAt > latest ? { ...entry, expiresAt: latest } : entry];
  });
  return { bootId: processes.bootId, entries };
}

/**
 * What each owner still has to fill. Of a process that can be looked at it is measured now: its
 * anonymous memory beyond its baseline fills its promises. File-backed weights fill nothing, because
 * the kernel goes on counting them as available while they are resident.
 */
export function sumPromises(
  entries: readonly LedgerEntry[],
  processes: Processes,
): readonly PromiseSum[] {
  const now = processes.now();
  const sums: PromiseSum[] = [];
  const byProcess = new Map<string, ProcessEntry[]>();
  for (const entry of entries) {
    if (entry.kind === "hold") {
      sums.push({
        ids: [],
        promisedBytes: entry.promisedBytes,
        residentBytes: 0,
        unfilledBytes: entry.promisedBytes,
        endsInMilliseconds: entry.expiresAt - now,
      });
      continue;
    }
    const key = `${entry.namespace} ${entry.processId}`;
    byProcess.set(key, [...byProcess.get(key) ?? [], entry]);
  }
  for (const owned of byProcess.values()) {
    const [first] = owned;
    if (first === undefined) continue;
    const promisedBytes = total(owned.map((entry) => entry.promisedBytes));
    const filled = filledBytes(first, owned, processes);
    const residentBytes = Math.max(0, Math.min(promisedBytes, filled));
    sums.push({
      processId: first.processId,
      ids: owned.map((entry) => entry.id),
      promisedBytes,
      residentBytes,
      unfilledBytes: promisedBytes - residentBytes,
    });
  }
  return sums;
}

/**
 * Bytes promised to everyone but process `ownId` and not resident yet: what has to come off available
 * memory before more is promised.
 *
 * @example
 * ```ts
 * import { promisedToOthers } from "./ledger.ts";
 * const sum = { ids: ["god"], promisedBytes: 5, residentBytes: 2, unfilledBytes: 3 };
 * const sums = [{ ...sum, processId: 7 }, { ...sum, processId: 8 }];
 * if (promisedToOthers(sums, 7) !== 3) throw new Error("expected what process 8 lacks");
 * ```
 */
export function promisedToOthers(sums: readonly PromiseSum[], ownId: number): number {
  return total(sums.filter((sum) => sum.processId !== ownId).map((sum) => sum.unfilledBytes));
}

/** Bytes promised to process `ownId` itself and not resident yet. */
export function promisedToSelf(sums: readonly PromiseSum[], ownId: number): number {
  return total(sums.filter((sum) => sum.processId === ownId).map((sum) => sum.unfilledBytes));
}

/** Adds or replaces a process's promise `id`. The process's baseline stays what it was at first. */
export function withPromise(
  ledger: Ledger,
  promise: { readonly id: string; readonly processId: number; readonly bytes: number },
  processes: Processes,
): Ledger {
  const { id, processId, bytes } = promise;
  const isOwn = (entry: LedgerEntry): entry is ProcessEntry =>
    isOf(entry, processId, processes.namespace);
  const sibling = ledger.entries.find(isOwn);
  const state = processes.lookUp(processId);
  const entry: ProcessEntry = {
    kind: "process",
    id,
    processId,
    startTime: state.kind === "running" ? state.startTime : "",
    namespace: processes.namespace,
    promisedBytes: bytes,
    baselineBytes: sibling?.baselineBytes ?? processes.anonymousBytes(processId) ?? 0,
    residentBytes: 0,
    seenAt: processes.now(),
  };
  const others = ledger.entries.filter((one) => !(isOwn(one) && one.id === id));
  return { ...ledger, entries: [...others, entry] };
}

/** Whether an entry is a promise to this very process. */
export function isOf(
  entry: LedgerEntry,
  processId: number,
  namespace: string,
): entry is ProcessEntry {
  return entry.kind === "process" && entry.processId === processId &&
    entry.namespace === namespace;
}

/** Sum of whole bytes. */
export function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}

function isAlive(entry: ProcessEntry, processes: Processes, now: number): boolean {
  if (entry.namespace !== processes.namespace) {
    return Math.abs(now - entry.seenAt) <= FOREIGN_LIFETIME_MILLISECONDS;
  }
  const state = processes.lookUp(entry.processId);
  if (state.kind === "unknown") return true;
  return state.kind === "running" && state.startTime === entry.startTime;
}

function filledBytes(
  first: ProcessEntry,
  owned: readonly ProcessEntry[],
  processes: Processes,
): number {
  const recorded = total(owned.map((entry) => entry.residentBytes));
  if (first.namespace !== processes.namespace) return recorded;
  const now = processes.anonymousBytes(first.processId);
  return now === undefined ? recorded : now - first.baselineBytes;
}
