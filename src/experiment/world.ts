import type { MemoryBudgetManager } from "../budget/manager.ts";
import type { MachineMemory } from "../budget/memory.ts";
import type { Policy } from "../budget/policy.ts";
import type { Clock } from "./clock.ts";
import type { Sampling } from "./config.ts";
import type { RunEvent } from "./events.ts";
import type { RunLimits } from "./limits.ts";
import type { ModelPool } from "./models.ts";
import type { ReservationLedger } from "./reservations.ts";

/** What the jars of one run share. */
export interface World {
  readonly manager: MemoryBudgetManager;
  readonly policy: Policy;
  readonly models: ModelPool;
  readonly memory: MemoryView;
  readonly ledger: ReservationLedger;
  readonly clock: Clock;
  readonly limits: RunLimits;
  readonly sampling: Sampling;
  /** Fires when the run is to stop. */
  readonly stop: AbortSignal;
  /** When it fired, by the clock. */
  readonly stoppedAt: () => number | undefined;
  readonly emit: (event: RunEvent) => void;
  readonly onText: (id: string, text: string) => void;
  /** The turn that the run is in, 0 before the first. */
  turn: number;
}

/** The machine's memory as it was read last: reading takes time, deciding must not. */
export class MemoryView {
  readonly #read: () => Promise<MachineMemory>;
  readonly #readOwn: () => number | Promise<number>;
  #current: MachineMemory;

  constructor(
    first: MachineMemory,
    read: () => Promise<MachineMemory>,
    readOwn: () => number | Promise<number>,
  ) {
    this.#current = first;
    this.#read = read;
    this.#readOwn = readOwn;
  }

  get current(): MachineMemory {
    return this.#current;
  }

  /** Takes what was read elsewhere. */
  take(memory: MachineMemory): void {
    this.#current = memory;
  }

  /** Reads it again. A failed reading throws: an old figure must not decide anything new. */
  async refresh(): Promise<MachineMemory> {
    this.#current = await this.#read();
    return this.#current;
  }

  /** This process's anonymous memory in bytes, `undefined` where it can't be read. */
  async ownAnonymousBytes(): Promise<number | undefined> {
    try {
      return await this.#readOwn();
    } catch {
      return undefined;
    }
  }
}
