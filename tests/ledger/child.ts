import { MemoryLedger } from "../../src/ledger/memory_ledger.ts";

// A brainjar process for the ledger's tests. Arguments: what to do, the ledger's folder, the memory
// that the machine is said to have, the memory wanted. It says a line and waits to be ended.

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

if (task === "admit") {
  console.log(await admit() ? "admitted" : "refused");
  await Deno.stdin.read(new Uint8Array(1));
  await ledger.release("subject");
} else {
  console.log("busy");
  while (true) {
    await admit();
    await ledger.release("subject");
  }
}
