import type { DeviceMemory, MachineMemory } from "../budget/memory.ts";
import { sum } from "../budget/sum.ts";
import { machineProcesses, type Processes } from "../machine/processes.ts";
import type { MachineWarning } from "../machine/warning.ts";
import { type FoundLedger, peekLedger, withLockedLedger, writableFolder } from "./file.ts";
import { isThere, ledgerFolders } from "./folder.ts";
import { isOwn, type Ledger, pruneLedger, renewed, withJar } from "./ledger.ts";
import { countingIn, type OtherFolder, readOther } from "./other_folders.ts";
import {
  type HeldMemory,
  type JarRequest,
  type JarReservation,
  type Reservation,
  reserveByToken,
  tokenIs,
  type TokenRequest,
  unknownToken,
} from "./reservation.ts";
import {
  latest,
  type ReservationSum,
  sumReservations,
  takeOffReservations,
  unfilledByOthers,
  unfilledOnDevices,
} from "./sums.ts";

/** Where a ledger lies and what it looks at; the defaults are this user's and this machine's. */
interface MemoryLedgerOptions {
  /** Where ledgers may lie, best first (folder.ts). */
  readonly folders?: readonly [string, ...string[]];
  readonly processes?: Processes;
  /** How long to wait for another process's lock, which is taken for a few milliseconds. */
  readonly timeoutMilliseconds?: number;
}

/** What was decided under the lock; without a jar and a token, nothing is reserved. */
interface Decision<Value> {
  readonly value: Value;
  readonly jar?: JarRequest;
  readonly token?: TokenRequest;
}

/** What is reserved by whom, and what others haven't filled yet. */
interface LedgerView {
  readonly sums: readonly ReservationSum[];
  /** Of RAM. */
  readonly othersUnfilledBytes: number;
  /** Of devices, by what tells them apart (`deviceIdentity`). */
  readonly othersUnfilledOn: ReadonlyMap<string, number>;
  /** Folders of this user's in which reservations may lie that can't be read. */
  readonly warnings: readonly MachineWarning[];
}

const DEFAULT_TIMEOUT_MILLISECONDS = 5000;

/**
 * The ledger between the brainjar processes of one user on one machine: what each has reserved and
 * not filled yet, so that no two reserve the same memory. One object stands for one process.
 *
 * Every method throws `ledger-not-ours`, `ledger-unwritable` or `ledger-busy` (kind `engine`) where
 * the ledger can't be trusted or kept, and then nothing was reserved. Processes of other users, and
 * of containers that have none of the folders in common, are not seen.
 *
 * @example
 * ```ts
 * import { MemoryLedger } from "./memory_ledger.ts";
 * import { readMachineMemory } from "../machine/machine_memory.ts";
 * const folder = await Deno.makeTempDir();
 * const ledger = new MemoryLedger({ folders: [folder] });
 * const { value } = await ledger.admit(readMachineMemory, (memory) =>
 *   memory.availableBytes < 1024
 *     ? { value: "refused" }
 *     : { value: "approved", jar: { id: "subject", bytes: 1024 } });
 * if (value === "approved" && await ledger.release("subject") !== 1024) throw new Error("lost");
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export class MemoryLedger {
  /** Where ledgers are looked for; the first that can be written is the one that is written to. */
  readonly folders: readonly [string, ...string[]];
  #writable: string | undefined;
  readonly #processes: Processes;
  readonly #timeoutMilliseconds: number;
  /** What this process has reserved, to write it again if the ledger loses it. */
  #own: readonly JarReservation[] = [];
  /** A token that the next jar takes the place of. */
  #claimed: string | undefined;
  /** What this process held before it first reserved anything. */
  #baselineBytes: number | undefined;

  constructor(options: MemoryLedgerOptions = {}) {
    this.folders = options.folders ?? ledgerFolders();
    this.#processes = options.processes ?? machineProcesses();
    this.#timeoutMilliseconds = options.timeoutMilliseconds ?? DEFAULT_TIMEOUT_MILLISECONDS;
  }

  /**
   * Reads the machine, takes off what others have reserved, decides, and writes what was decided, all
   * while no other process can do the same: of eight processes started at once for memory that is
   * enough for three, three are admitted. Answers the token of what was reserved by one.
   */
  async admit<Value>(
    readMemory: () => MachineMemory | Promise<MachineMemory>,
    decide: (memory: MachineMemory) => Decision<Value>,
  ): Promise<{ readonly value: Value; readonly token?: string }> {
    type Admitted = { readonly value: Value; readonly token?: string };
    let isRedeemed = false;
    const admitted = await this.#change<Admitted>(async (ledger, warnings) => {
      const othersBytes = this.#view(ledger, []).othersUnfilledBytes;
      const read = await readMemory();
      // What others hold on devices was read with what is free there.
      const { othersUnfilledOn } = this.#view(ledger, [], read.devices);
      const memory = takeOffReservations(read, othersBytes, othersUnfilledOn);
      const decision = decide({ ...memory, warnings: [...memory.warnings, ...warnings] });
      const { value, jar, token } = decision;
      const next = jar === undefined ? ledger : this.#withJar(this.#redeem(ledger), jar);
      isRedeemed = jar !== undefined;
      if (token === undefined) return { ledger: next, value: { value } };
      const reservation = reserveByToken(token, this.#processes.now());
      const reservations = [...next.reservations, reservation];
      return {
        ledger: { bootId: this.#processes.bootId, reservations },
        value: { value, token: reservation.token },
      };
    });
    const claimed = this.#claimed;
    if (isRedeemed && claimed !== undefined) {
      this.#claimed = undefined;
      // Where it lies in another folder.
      await this.releaseToken(claimed);
    }
    return admitted;
  }

  /** Reserves for a jar of this process without asking whether it fits. */
  async reserve(jar: JarRequest): Promise<void> {
    await this.#change((ledger) => ({
      ledger: this.#withJar(ledger, jar),
      value: undefined,
    }));
  }

  /**
   * Writes what this process has reserved anew. Who can't look at the process (from another pid
   * namespace) believes it for ten minutes, and this is how it is also there again where it was lost.
   *
   * @param filled what of its devices is filled now, by what tells them apart (`deviceIdentity`)
   */
  async renew(filled: ReadonlyMap<string, number> = new Map()): Promise<void> {
    if (this.#own.length === 0) return;
    await this.#change((ledger) => ({
      ledger: renewed(ledger, this.#processes, filled),
      value: undefined,
    }));
  }

  /**
   * Has what a token holds count as this process's: its first jar that is admitted takes the token's
   * place, so that it is never free in between, and stays for the next if none is. Answers what it
   * holds, nothing where no such token is there (any more).
   */
  claim(token: string): HeldMemory | undefined {
    const found = [...countingIn(this.#folder, this.#processes), ...this.#elsewhere()].find(
      tokenIs(token),
    );
    if (found === undefined) return undefined;
    this.#claimed = token;
    return heldBy(found);
  }

  /** Gives back what is reserved for this process's jar `id` and answers its bytes, 0 for none. */
  async release(id: string): Promise<number> {
    const released = await this.#remove((one) => isOwn(one, this.#processes) && one.id === id);
    return sum(released.map((one) => one.reservedBytes));
  }

  /** Ends a token and answers what it held; nothing where no such token is there (any more). */
  async releaseToken(token: string): Promise<HeldMemory | undefined> {
    const isToken = tokenIs(token);
    const [released] = await this.#remove(isToken);
    if (released !== undefined) return heldBy(released);
    const folder = this.#others().find(({ reservations }) => reservations.some(isToken))?.folder;
    if (folder === undefined) return undefined;
    return await new MemoryLedger({ folders: [folder], processes: this.#processes }).releaseToken(
      token,
    );
  }

  /**
   * What is reserved by whom, as of now. Writes nothing, unless a corrupt ledger is set aside.
   *
   * @param devices the machine's, with who holds what there where that is told
   */
  async view(devices: readonly DeviceMemory[] = []): Promise<LedgerView> {
    const peeked = peekLedger(this.#folder);
    if (peeked !== undefined) return this.#view(pruneLedger(peeked, this.#processes), [], devices);
    return await this.#change((ledger, found) => ({
      ledger,
      value: this.#view(ledger, found, devices),
    }));
  }

  /**
   * The machine's memory, less what other processes have reserved and not filled by now; with a warning
   * where what they have isn't known.
   */
  async takeOffOthers(memory: MachineMemory): Promise<MachineMemory> {
    const { othersUnfilledBytes, othersUnfilledOn, warnings } = await this.view(memory.devices);
    const taken = takeOffReservations(memory, othersUnfilledBytes, othersUnfilledOn);
    return { ...taken, warnings: [...taken.warnings, ...warnings] };
  }

  #withJar(ledger: Ledger, jar: JarRequest): Ledger {
    return withJar(ledger, jar, this.#processes, this.#baselineBytes);
  }

  /** Where this process writes, once it has; until then the best that is there, or the best. */
  get #folder(): string {
    return this.#writable ?? this.folders.find((folder) => isThere(folder)) ?? this.folders[0];
  }

  /** What lies in the folders that this process doesn't write to. */
  #others(): OtherFolder[] {
    return this.folders.filter((folder) => folder !== this.#folder)
      .map((folder) => readOther(folder, this.#processes));
  }

  #view(
    ledger: Ledger,
    found: readonly MachineWarning[],
    devices: readonly DeviceMemory[] = [],
  ): LedgerView {
    const others = this.#others();
    const elsewhere = others.flatMap(({ reservations }) => reservations);
    const warnings = [...found, ...others.flatMap(({ warnings }) => warnings)];
    if (ledger.reservations.length + elsewhere.length === 0) {
      return { sums: [], othersUnfilledBytes: 0, othersUnfilledOn: new Map(), warnings };
    }
    const reservations = latest([...ledger.reservations, ...elsewhere]);
    const sums = sumReservations(reservations, this.#processes, devices);
    const claimed = this.#claimed === undefined
      ? undefined
      : reservations.find(tokenIs(this.#claimed));
    const onDevices = new Map(unfilledOnDevices(sums, this.#processes.ownId));
    for (const { device, reservedBytes } of claimed?.devices ?? []) {
      onDevices.set(device, (onDevices.get(device) ?? 0) - reservedBytes);
    }
    return {
      sums,
      othersUnfilledOn: onDevices,
      // Nobody fills a token: all of it is unfilled.
      othersUnfilledBytes: unfilledByOthers(sums, this.#processes.ownId) -
        (claimed?.reservedBytes ?? 0),
      warnings,
    };
  }

  /** Without the token that was claimed: this process's jar takes its place. */
  #redeem(ledger: Ledger): Ledger {
    const token = this.#claimed;
    if (token === undefined) return ledger;
    const isToken = tokenIs(token);
    const isHere = ledger.reservations.some(isToken);
    if (!isHere && !this.#elsewhere().some(isToken)) throw unknownToken(token);
    return { ...ledger, reservations: ledger.reservations.filter((one) => !isToken(one)) };
  }

  #elsewhere(): readonly Reservation[] {
    return this.#others().flatMap(({ reservations }) => reservations);
  }

  async #change<Value>(
    change: (
      ledger: Ledger,
      warnings: readonly MachineWarning[],
    ) => { ledger: Ledger; value: Value } | Promise<{ ledger: Ledger; value: Value }>,
  ): Promise<Value> {
    const { ledger, value } = await this.#locked(async (found) => {
      const pruned = pruneLedger(found.ledger, this.#processes);
      const changed = await change(this.#restore(pruned), found.warnings);
      return { ledger: changed.ledger, value: changed };
    });
    this.#own = ledger.reservations.filter((one) => isOwn(one, this.#processes));
    this.#baselineBytes ??= this.#own[0]?.baselineBytes;
    return value;
  }

  /** In the folder that was written to before, or in another where that one went with its session. */
  async #locked<Value>(
    change: (found: FoundLedger) => Promise<{ readonly ledger: Ledger; readonly value: Value }>,
  ): Promise<Value> {
    if (this.#writable === undefined || !isThere(this.#writable)) {
      this.#writable = writableFolder(this.folders);
    }
    const folder = this.#writable;
    const others = this.folders.filter((one) => one !== folder);
    const timeoutMilliseconds = this.#timeoutMilliseconds;
    return await withLockedLedger({ folder, others, timeoutMilliseconds }, change);
  }

  /**
   * With what this process has reserved, if another process found the ledger corrupt, or an older
   * brainjar wrote it without the devices.
   */
  #restore(ledger: Ledger): Ledger {
    const isKept = (own: JarReservation) =>
      ledger.reservations.some((one) =>
        isOwn(one, this.#processes) && one.id === own.id &&
        (own.devices === undefined || one.devices !== undefined)
      );
    const lost = this.#own.filter((own) => !isKept(own));
    if (lost.length === 0) return ledger;
    const kept = ledger.reservations.filter((one) =>
      !(isOwn(one, this.#processes) && lost.some(({ id }) => id === one.id))
    );
    return { bootId: this.#processes.bootId, reservations: [...kept, ...lost] };
  }

  async #remove(matches: (reservation: Reservation) => boolean): Promise<readonly Reservation[]> {
    // Nothing to give back makes no folder and takes no lock.
    if (this.#own.length === 0 && peekLedger(this.#folder)?.reservations.length === 0) return [];
    return await this.#change((ledger) => {
      const value = ledger.reservations.filter(matches);
      if (value.length === 0) return { ledger, value };
      const reservations = ledger.reservations.filter((one) => !value.includes(one));
      return { ledger: { ...ledger, reservations }, value };
    });
  }
}

function heldBy({ reservedBytes, devices = [] }: Reservation): HeldMemory {
  return { bytes: reservedBytes, devices };
}
