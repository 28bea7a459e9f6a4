import { BrainjarError } from "../../budget/error.ts";
import { MemoryLedger } from "../../ledger/memory_ledger.ts";
import { unknownToken } from "../../ledger/reservation.ts";
import { poolAmounts } from "../../report/format.ts";
import type { Command } from "../command.ts";

/** `brainjar release TOKEN`: gives back what `check --reserve` holds. */
export const command: Command = async ({ operands, output }) => {
  const [token, another] = operands;
  if (token === undefined || another !== undefined) {
    throw new BrainjarError(
      "missing-operand",
      another === undefined ? "No token to release" : "More than one token to release",
      { hint: 'Write brainjar release "$token", with what check --reserve printed' },
    );
  }
  const held = await new MemoryLedger().releaseToken(token);
  if (held === undefined) throw unknownToken(token);
  const devices = held.devices.map(({ id, reservedBytes: bytes }) => ({ id, bytes }));
  output.say(`Given back: ${poolAmounts(held.bytes, devices)}\n`);
  return 0;
};
