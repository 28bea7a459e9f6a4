import type { DeviceMemory, MachineMemory } from "../../src/budget/memory.ts";
import type { MemoryLedger } from "../../src/ledger/memory_ledger.ts";

/** A machine with 900 of 1,000 bytes available. */
export const MEMORY: MachineMemory = {
  totalBytes: 1000,
  availableBytes: 900,
  reservedBytes: 0,
  sources: [],
  warnings: [],
};

/** A large machine with one card of which so much is free. */
export function card(availableBytes: number, more: Partial<DeviceMemory> = {}): MachineMemory {
  const size = 64 * 1024 ** 3;
  return {
    totalBytes: size,
    availableBytes: size,
    reservedBytes: 0,
    sources: [],
    devices: [{
      id: "cuda:0",
      identity: "0000:01:00.0",
      kind: "device",
      name: "A card",
      totalBytes: 2 * availableBytes,
      availableBytes,
      reservedBytes: 0,
      sources: [],
      ...more,
    }],
    warnings: [],
  };
}

/** A folder for a ledger, not made yet, in one that is removed afterwards. */
export async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const parent = await Deno.makeTempDir();
  try {
    await body(`${parent}/brainjar`);
  } finally {
    await Deno.remove(parent, { recursive: true });
  }
}

/** Approves `bytes` for one jar where so much is available. */
export const decide = (bytes: number) => (memory: MachineMemory) =>
  memory.availableBytes < bytes ? { value: false } : { value: true, jar: { id: "subject", bytes } };

/** Bytes that process `ownId` has reserved and not filled yet. */
export async function unfilledBy(ledger: MemoryLedger, ownId: number): Promise<number> {
  const { sums } = await ledger.view();
  return sums.find((sum) => sum.processId === ownId)?.unfilledBytes ?? 0;
}
