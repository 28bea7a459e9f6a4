import type { MachineMemory } from "../../budget/memory.ts";
import type { DeviceReservation, HeldMemory } from "../../ledger/reservation.ts";
import type { MemoryLedger } from "../../ledger/memory_ledger.ts";

/** What this process has reserved in all. All bytes whole. */
export interface ReservedMemory {
  /** Of RAM. */
  readonly bytes: number;
  /** Of each device that jars need something on, and what of it is filled. */
  readonly devices: readonly DeviceReservation[];
}

/**
 * Where processes write what each has reserved, so that no two reserve the same memory. One figure
 * for each pool stands for all jars of this process.
 */
export interface ReservationLedger {
  /**
   * Decides on the machine's memory, less what other processes have reserved and not filled, while
   * no other process can decide; then writes what this process has reserved in all.
   */
  admit<Value>(
    decide: (memory: MachineMemory) => { readonly value: Value; readonly reserved: ReservedMemory },
  ): Promise<Value>;
  /** The machine's memory, less what other processes have reserved and not filled. */
  readMemory(): Promise<MachineMemory>;
  /** Writes what this process has reserved after something was given back. */
  keep(reserved: ReservedMemory): Promise<void>;
  /** Writes the same anew, so that others go on believing it, with what of devices is filled now. */
  renew(filled: ReservedMemory["devices"]): Promise<void>;
}

/** No other process is asked: the machine's memory as it is read. */
export function withoutLedger(readMemory: () => Promise<MachineMemory>): ReservationLedger {
  return {
    admit: async (decide) => decide(await readMemory()).value,
    readMemory,
    keep: () => Promise.resolve(),
    renew: () => Promise.resolve(),
  };
}

/** Under which name all jars of a run stand in the ledger, as one figure. */
const JARS = "jars";

/**
 * The ledger of this user's brainjar processes as the one that a run's jars are admitted under.
 *
 * @param held what a token holds for the run, which keeps as much as long as it has jars
 */
export function reservationLedger(
  ledger: MemoryLedger,
  readMemory: () => Promise<MachineMemory>,
  held: HeldMemory = { bytes: 0, devices: [] },
): ReservationLedger {
  const entry = ({ bytes, devices }: ReservedMemory) => ({
    id: JARS,
    bytes: Math.max(bytes, held.bytes),
    devices: mostOf(devices, held.devices),
  });
  return {
    admit: async (decide) => {
      const { value } = await ledger.admit(readMemory, (memory) => {
        const { value, reserved } = decide(memory);
        return reserved.bytes > 0 ? { value, jar: entry(reserved) } : { value };
      });
      return value;
    },
    readMemory: async () => await ledger.takeOffOthers(await readMemory()),
    keep: async (reserved) => {
      if (reserved.bytes > 0) await ledger.reserve(entry(reserved));
      else await ledger.release(JARS);
    },
    renew: (filled) =>
      ledger.renew(new Map(filled.map(({ device, filledBytes }) => [device, filledBytes]))),
  };
}

/** Of each device as much as the larger of the two says. */
function mostOf(
  reserved: ReservedMemory["devices"],
  held: ReservedMemory["devices"],
): ReservedMemory["devices"] {
  const others = held.filter(({ device }) => reserved.every((one) => one.device !== device));
  return [
    ...reserved.map((one) => {
      const other = held.find(({ device }) => device === one.device);
      return { ...one, reservedBytes: Math.max(one.reservedBytes, other?.reservedBytes ?? 0) };
    }),
    ...others,
  ];
}
