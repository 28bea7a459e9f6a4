import { defined } from "../../budget/defined.ts";
import { requiredOn } from "../../budget/required.ts";
import { poolsNeeded } from "../../budget/pools/reservations.ts";
import type { JarConfig } from "../../experiment/config.ts";
import type { RunState } from "../../experiment/run_state.ts";
import type { JarAnswer } from "../../report/schema/jar.ts";

/** What is measured of a jar that is alone in its process. */
type Measured = Pick<
  Extract<JarAnswer, { readonly answer: "vitals" }>,
  "processBytes" | "totalBytes" | "availableBytes" | "pools"
>;

/** Its memory by what was read last, its process's own read anew. */
export async function vitalsOf({ demand }: JarConfig, run: RunState): Promise<Measured> {
  const { manager, memory, policy } = run;
  const processBytes = await memory.ownAnonymousBytes();
  const { totalBytes, availableBytes } = memory.current;
  const isReserved = manager.reservedBytes > 0;
  const pools = poolsNeeded(demand).map((id) => {
    if (!isReserved) return { id, reservedBytes: 0, residentBytes: 0 };
    const reservedBytes = requiredOn(id, demand, policy.criterion);
    const residentBytes = reservedBytes - manager.unfilledBytes(undefined, id);
    return {
      id,
      reservedBytes,
      residentBytes: Math.min(reservedBytes, Math.max(0, residentBytes)),
    };
  });
  return { ...defined({ processBytes }), totalBytes, availableBytes, pools };
}
