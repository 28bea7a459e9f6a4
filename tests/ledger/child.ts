import { MemoryBudgetManager } from "../../src/budget/manager.ts";
import { DEFAULT_POLICY } from "../../src/budget/policy.ts";
import { MemoryLedger } from "../../src/ledger/memory_ledger.ts";
import { deviceReservations } from "../../src/ledger/reservation.ts";
import { card } from "./helpers.ts";

// A brainjar process for the ledger's tests. Arguments: what to do, the ledger's folder, the memory
// that the machine (or its one card) is said to have, the memory wanted. It says a line and waits to
// be ended.

const [task, folder = "", available = "0", wanted = "0"] = Deno.args;
const ledger = new MemoryLedger({ folders: [folder], timeoutMilliseconds: 60_000 });

async function admit(): Promise<boolean> {
  const { value } = await ledger.admit(
    () => ({
      totalBytes: Number(available),
      availableBytes: Number(available),
      reservedBytes: 0,
      sources: [],
      warnings: [],
    }),
    (memory) =>
      memory.availableBytes < Number(wanted)
        ? { value: false }
        : { value: true, jar: { id: "subject", bytes: Number(wanted) } },
  );
  return value;
}

/** The same of a card, RAM being no matter: layer 2 decides, as in a run. */
async function admitToCard(): Promise<boolean> {
  const shared = { floorBytes: 0, workingSetBytes: 0 };
  const devices = [{ id: "cuda:0", bytes: Number(wanted), sharedBytes: 0, processBytes: 0 }];
  const model = { path: "a", footprint: { floorBytes: 1, workingSetBytes: 1, shared, devices } };
  const { value } = await ledger.admit(() => card(Number(available)), (memory) => {
    const manager = new MemoryBudgetManager({ policy: DEFAULT_POLICY, readMemory: () => memory });
    if (!manager.allocate("subject", undefined, model).ok) return { value: false };
    const reserved = deviceReservations(memory.devices, manager.reserved);
    return { value: true, jar: { id: "subject", bytes: 1, devices: reserved } };
  });
  return value;
}

if (task === "admit" || task === "card") {
  const isIn = task === "card" ? await admitToCard() : await admit();
  console.log(isIn ? "admitted" : "refused");
  await Deno.stdin.read(new Uint8Array(1));
  await ledger.release("subject");
} else {
  console.log("busy");
  while (true) {
    await admit();
    await ledger.release("subject");
  }
}
