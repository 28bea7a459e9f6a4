import { BrainjarError, messageOf } from "../budget/error.ts";
import type { Processes } from "../machine/processes.ts";
import type { MachineWarning } from "../machine/warning.ts";
import { peekLedger } from "./file.ts";
import { pruneLedger } from "./ledger.ts";
import type { Reservation } from "./reservation.ts";

/** What lies in a folder that this process doesn't write to. */
export interface OtherFolder {
  readonly folder: string;
  readonly reservations: readonly Reservation[];
  readonly warnings: readonly MachineWarning[];
}

/** What counts of a folder's reservations; none where it is corrupt. */
export function countingIn(folder: string, processes: Processes): readonly Reservation[] {
  const ledger = peekLedger(folder);
  return ledger === undefined ? [] : pruneLedger(ledger, processes).reservations;
}

/** What lies in a folder that this process doesn't write to; what can't be trusted is left. */
export function readOther(folder: string, processes: Processes): OtherFolder {
  try {
    return { folder, reservations: countingIn(folder, processes), warnings: [] };
  } catch (error) {
    const { code } = error instanceof BrainjarError ? error : { code: "ledger-unreadable" };
    const message = `${messageOf(error)}; what it may hold isn't known`;
    return { folder, reservations: [], warnings: [{ code, message }] };
  }
}
