import type { MachineMemory } from "../budget/memory.ts";
import { type Admission, type JarPromise, takeOffPromises } from "./admission.ts";
import { makeHold, requireBytes } from "./hold.ts";
import {
  isOf,
  type Ledger,
  type LedgerEntry,
  type ProcessEntry,
  promisedToOthers,
  promisedToSelf,
  type PromiseSum,
  pruneLedger,
  sumPromises,
  total,
  withPromise,
} from "./ledger.ts";
import { type FoundLedger, peekLedger, withLockedLedger } from "./ledger_file.ts";
import { ledgerFolder } from "./ledger_folder.ts";
import type { MachineWarning } from "../machine/machine_warning.ts";
import { machineProcesses, type Processes } from "../machine/processes.ts";

/** Where a ledger lies and what it looks at; the defaults are this user's and this machine's. */
export interface MemoryLedgerOptions {
  readonly folder?: string;
  readonly processes?: Processes;
  /** How long to wait for another process's lock. A holder needs a few milliseconds. */
  readonly timeoutMilliseconds?: number;
  /** Told of a corrupt ledger that was set aside. */
  readonly warn?: (warning: MachineWarning) => void;
}

/** What others, and this process itself, were promised and have not filled yet. */
export interface LedgerView {
  readonly sums: readonly PromiseSum[];
  readonly othersUnfilledBytes: number;
  readonly ownUnfilledBytes: number;
}

const DEFAULT_TIMEOUT_MILLISECONDS = 5000;

/**
 * The ledger between the brainjar processes of one user on one machine: what each was promised and
 * has not filled yet, so that no two are promised the same memory. One object stands for one process.
 *
 * Every method throws `ledger-not-ours`, `ledger-unwritable` or `ledger-busy` (kind `engine`) where
 * the ledger can't be trusted or kept, and then nothing was promised. Processes of other users, and
 * of containers with another runtime folder, are not seen.
 *
 * @example
 * ```ts
 * import { MemoryLedger } from "./memory_ledger.ts";
 * import { readMachineMemory } from "../machine/read.ts";
 * const folder = await Deno.makeTempDir();
 * const ledger = new MemoryLedger({ folder });
 * const { value } = await ledger.admit(readMachineMemory, (memory) =>
 *   memory.availableBytes < 1024
 *     ? { value: "refused" }
 *     : { value: "approved", promises: [{ id: "subject", bytes: 1024 }] });
 * if (value === "approved" && await ledger.release("subject") !== 1024) throw new Error("lost");
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export class MemoryLedger {
  readonly folder: string;
  readonly #processes: Processes;
  readonly #timeoutMilliseconds: number;
  readonly #warn: (warning: MachineWarning) => void;
  /** What this process was promised, to write it again if the ledger loses it. */
  #own: readonly ProcessEntry[] = [];

  constructor(options: MemoryLedgerOptions = {}) {
    this.folder = options.folder ?? ledgerFolder();
    this.#processes = options.processes ?? machineProcesses();
    this.#timeoutMilliseconds = options.timeoutMilliseconds ?? DEFAULT_TIMEOUT_MILLISECONDS;
    this.#warn = options.warn ?? (() => {});
  }

  /**
   * Reads the machine, takes off what others were promised, decides, and writes what was decided, all
   * while no other process can do the same: of eight processes started at once for memory that holds
   * three, three are admitted.
   *
   * `decide` also gets what this process itself has not filled yet. `token` names a hold that is
   * given up in exchange: its memory counts as free for the decision, and it ends with an approval.
   */
  async admit<T>(
    readMemory: () => MachineMemory | Promise<MachineMemory>,
    decide: (memory: MachineMemory, ownUnfilledBytes: number) => Admission<T>,
    options: { readonly token?: string | undefined } = {},
  ): Promise<{ readonly value: T; readonly token?: string }> {
    type Admitted = { readonly value: T; readonly token?: string };
    return await this.#change<Admitted>(async (ledger, warnings) => {
      const kept = withoutHold(ledger, options.token);
      const { othersUnfilledBytes, ownUnfilledBytes } = this.#view(kept);
      const memory = takeOffPromises(await readMemory(), othersUnfilledBytes);
      const { value, promises = [], hold } = decide(
        { ...memory, warnings: [...memory.warnings, ...warnings] },
        ownUnfilledBytes,
      );
      if (promises.length === 0 && hold === undefined) return { ledger, value: { value } };
      let next = kept;
      for (const promise of promises) next = this.#withPromise(next, promise);
      if (hold === undefined) return { ledger: next, value: { value } };
      const entry = makeHold(hold.bytes, hold.durationMilliseconds, this.#processes.now());
      return {
        ledger: { ...next, entries: [...next.entries, entry] },
        value: { value, token: entry.token },
      };
    });
  }

  /** Writes a promise without asking whether it fits. `processId` is this process's unless given. */
  async reserve(promise: JarPromise, processId: number = this.#processes.ownId): Promise<void> {
    await this.#change((ledger) => ({
      ledger: this.#withPromise(ledger, promise, processId),
      value: undefined,
    }));
  }

  /** Takes back the promise `id` and answers its bytes; 0 where there was none. */
  async release(id: string, processId: number = this.#processes.ownId): Promise<number> {
    return await this.#remove((entry) => this.#isOf(entry, processId) && entry.id === id);
  }

  /** Takes back all promises to a process and answers their bytes. */
  async releaseAll(processId: number = this.#processes.ownId): Promise<number> {
    return await this.#remove((entry) => this.#isOf(entry, processId));
  }

  /**
   * Writes how much of its promises this process has filled, for those who cannot look at it, and
   * that it is still there. It costs a few milliseconds: call it every few seconds.
   */
  async updateResident(): Promise<void> {
    if (this.#own.length === 0) return;
    await this.#change((ledger) => {
      const { ownId } = this.#processes;
      const seenAt = this.#processes.now();
      let left = (this.#processes.anonymousBytes(ownId) ?? 0) - (this.#own[0]?.baselineBytes ?? 0);
      const entries = ledger.entries.map((entry) => {
        if (!this.#isOf(entry, ownId)) return entry;
        const residentBytes = Math.max(0, Math.min(entry.promisedBytes, left));
        left -= residentBytes;
        return { ...entry, residentBytes, seenAt };
      });
      return { ledger: { ...ledger, entries }, value: undefined };
    });
  }

  /**
   * Holds memory for whoever comes next and answers the token that gives it back. It ends by itself
   * after at most a day, on a clock that nobody sets.
   */
  async hold(bytes: number, durationMilliseconds: number): Promise<string> {
    const entry = makeHold(bytes, durationMilliseconds, this.#processes.now());
    await this.#change((ledger) => ({
      ledger: { ...ledger, entries: [...ledger.entries, entry] },
      value: undefined,
    }));
    return entry.token;
  }

  /** Ends a hold and answers its bytes; nothing where no such hold is there (any more). */
  async releaseToken(token: string): Promise<number | undefined> {
    let known = false;
    const bytes = await this.#remove((entry) => {
      const matches = entry.kind === "hold" && entry.token === token;
      known ||= matches;
      return matches;
    });
    return known ? bytes : undefined;
  }

  /** What was promised to whom, as of now. Writes nothing, unless a corrupt ledger is set aside. */
  async view(): Promise<LedgerView> {
    const peeked = peekLedger(this.folder);
    if (peeked !== undefined) return this.#view(pruneLedger(peeked, this.#processes));
    return await this.#change((ledger) => ({ ledger, value: this.#view(ledger) }));
  }

  #view(ledger: Ledger): LedgerView {
    const { ownId } = this.#processes;
    const sums = sumPromises(ledger.entries, this.#processes);
    return {
      sums,
      othersUnfilledBytes: promisedToOthers(sums, ownId),
      ownUnfilledBytes: promisedToSelf(sums, ownId),
    };
  }

  async #change<T>(
    change: (
      ledger: Ledger,
      warnings: readonly MachineWarning[],
    ) => { ledger: Ledger; value: T } | Promise<{ ledger: Ledger; value: T }>,
  ): Promise<T> {
    const { ledger, value } = await withLockedLedger(
      this.folder,
      this.#timeoutMilliseconds,
      async (found) => {
        found.warnings.forEach(this.#warn);
        const changed = await change(this.#restore(this.#prune(found)), found.warnings);
        return { ledger: changed.ledger, value: changed };
      },
    );
    this.#own = ledger.entries.filter((entry) => this.#isOf(entry, this.#processes.ownId));
    return value;
  }

  /** With this process's promises again, if another process found the ledger corrupt. */
  #restore(ledger: Ledger): Ledger {
    const lost = this.#own.filter((own) =>
      !ledger.entries.some((entry) => this.#isOf(entry, own.processId) && entry.id === own.id)
    );
    return lost.length === 0
      ? ledger
      : { bootId: this.#processes.bootId, entries: [...ledger.entries, ...lost] };
  }

  /** Pruned, and the very same object where nothing had to go, so that nothing is written. */
  #prune(found: FoundLedger): Ledger {
    const pruned = pruneLedger(found.ledger, this.#processes);
    const { entries } = found.ledger;
    const same = entries.length === pruned.entries.length &&
      entries.every((entry, index) => entry === pruned.entries[index]);
    return same && (entries.length === 0 || found.ledger.bootId === pruned.bootId)
      ? found.ledger
      : pruned;
  }

  #withPromise(ledger: Ledger, promise: JarPromise, processId = this.#processes.ownId): Ledger {
    requireBytes(promise.bytes);
    const { id, bytes } = promise;
    return withPromise(
      { ...ledger, bootId: this.#processes.bootId },
      { id, processId, bytes },
      this.#processes,
    );
  }

  async #remove(matches: (entry: LedgerEntry) => boolean): Promise<number> {
    // Nothing to take back makes no folder and takes no lock.
    if (this.#own.length === 0 && peekLedger(this.folder)?.entries.length === 0) return 0;
    return await this.#change((ledger) => {
      const removed = ledger.entries.filter(matches);
      const value = total(removed.map((entry) => entry.promisedBytes));
      if (removed.length === 0) return { ledger, value };
      const entries = ledger.entries.filter((entry) => !removed.includes(entry));
      return { ledger: { ...ledger, entries }, value };
    });
  }

  #isOf(entry: LedgerEntry, processId: number): entry is ProcessEntry {
    return isOf(entry, processId, this.#processes.namespace);
  }
}

function withoutHold(ledger: Ledger, token: string | undefined): Ledger {
  if (token === undefined) return ledger;
  const entries = ledger.entries.filter((entry) => entry.kind !== "hold" || entry.token !== token);
  return { ...ledger, entries };
}
