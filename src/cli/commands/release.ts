import { BrainjarError } from "../../budget/error.ts";
import { formatAmount } from "../../budget/size.ts";
import { MemoryLedger } from "../../ledger/memory_ledger.ts";
import { unknownToken } from "../../ledger/reservation.ts";
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
  const bytes = await new MemoryLedger().releaseToken(token);
  if (bytes === undefined) throw unknownToken(token);
  output.say(`Given back: ${formatAmount(bytes)}\n`);
  return 0;
};
