import { settlesBefore } from "../clock.ts";
import { lineOf } from "../../budget/error.ts";
import { reservedMemory } from "./reservations.ts";
import type { RunState } from "../run_state.ts";

/**
 * Writes what the run has reserved anew, with what of it is filled by now. What can't be written is
 * written the next time.
 */
export async function renewNow(run: RunState): Promise<void> {
  const written = run.ledger.renew(reservedMemory(run).devices).catch(() => {});
  await settlesBefore(written, run.stop);
}

/**
 * Writes what the run has reserved anew every minute until `done` fires: processes that can't look at
 * this one (from another pid namespace) believe an old figure only for a while. Never rejects: what
 * can't be written is a warning, said once until it can be again.
 */
export async function renewReservations(run: RunState, done: AbortSignal): Promise<void> {
  const { clock, ledger, limits } = run;
  let isTold = false;
  while (!done.aborted) {
    await clock.sleep(limits.renewMilliseconds, done);
    if (done.aborted) return;
    try {
      await ledger.renew(reservedMemory(run).devices);
      isTold = false;
    } catch (error) {
      if (isTold) continue;
      isTold = true;
      const message = `What is reserved can't be written down: ${lineOf(error)}`;
      run.emit({ event: "warning", turn: run.turn, code: "promise-unwritten", message });
    }
  }
}
