import { assert, assertEquals } from "@std/assert";
import { GB } from "../../src/budget/size.ts";
import type { ReservationLedger } from "../../src/experiment/memory/reservation_ledger.ts";
import { CONTEXT_BYTES, MODEL_BYTES, named, play } from "./stage.ts";

interface FakeLedger extends ReservationLedger {
  readonly written: number[];
  /** What was reserved at each renewal. */
  readonly renewals: number[];
}

function ledgerOf(
  availableBytes: number,
  keep: () => Promise<void> = () => Promise.resolve(),
  renew: () => Promise<void> = () => Promise.resolve(),
): FakeLedger {
  const written: number[] = [];
  const renewals: number[] = [];
  const memory = {
    totalBytes: 16 * GB,
    availableBytes,
    reservedBytes: 0,
    sources: [],
    warnings: [],
  };
  return {
    written,
    renewals,
    admit: (decide) => {
      const { value, reserved: { bytes: reservedBytes } } = decide(memory);
      written.push(reservedBytes);
      return Promise.resolve(value);
    },
    readMemory: () => Promise.resolve(memory),
    keep: ({ bytes }) => {
      written.push(bytes);
      return keep();
    },
    renew: () => {
      renewals.push(written.at(-1) ?? 0);
      return renew();
    },
  };
}

Deno.test("reservations: the ledger knows them at every step, and nothing at the end", async () => {
  const ledger = ledgerOf(15 * GB);
  const { result, events } = await play({ ledger, contextSize: 500, turns: 8 });
  const subject = MODEL_BYTES + CONTEXT_BYTES;
  assertEquals(ledger.written.slice(0, 3), [
    subject,
    subject + CONTEXT_BYTES,
    subject + 2 * CONTEXT_BYTES,
  ]);
  assert(named(events, "death").length > 0);
  assertEquals([ledger.written.at(-1), result.reservedBytes], [0, 0]);
});

Deno.test("reservations: what the ledger says is available decides", async () => {
  const { result, events } = await play({ ledger: ledgerOf(GB) });
  assertEquals([result.reason, result.exitCode], ["refused", 1]);
  assertEquals(named(events, "warning")[0]?.allocation?.reason, "insufficient-available");
});

Deno.test("reservations: a ledger that breaks is a warning, one that hangs delays no stop", async () => {
  const broken = await play({
    ledger: ledgerOf(15 * GB, () => Promise.reject(new Error("Disk full"))),
  });
  assertEquals([broken.result.reason, broken.result.reservedBytes], ["turns", 0]);
  assert(named(broken.events, "warning").some(({ code }) => code === "promise-unwritten"));

  const { result, clock } = await play({
    ledger: ledgerOf(15 * GB, () => new Promise(() => {})),
    turns: undefined,
    engine: { milliseconds: { think: 100 } },
    stopAfter: 1000,
  });
  assertEquals([result.reason, result.reservedBytes], ["stopped", 0]);
  assert(clock.now() <= 4000, `${clock.now() - 1000} ms after the stop`);
});

Deno.test("reservations: layer 3 counts what others have reserved, as layer 2 does", async () => {
  // Layer 2 sees room; another process reserves nearly all of it before the load.
  const ledger: ReservationLedger = {
    ...ledgerOf(15 * GB),
    readMemory: () =>
      Promise.resolve({
        totalBytes: 16 * GB,
        availableBytes: GB,
        reservedBytes: 14 * GB,
        sources: [],
        warnings: [],
      }),
  };
  const run = await play({ mode: "single", turns: 1, ledger });
  const refusal = named(run.events, "warning").find((event) => event.code === "load-refused");
  assertEquals(refusal?.preflight?.availableBytes, GB);
});

Deno.test("reservations: they are written anew every minute as long as the run lives", async () => {
  const ledger = ledgerOf(15 * GB);
  const engine = { milliseconds: { think: 10_000 } };
  const { result, events } = await play({ ledger, mode: "single", turns: 60, engine });
  assertEquals([result.reason, named(events, "warning")], ["turns", []]);
  // 600 s of thoughts.
  assert(ledger.renewals.length >= 9 && ledger.renewals.length <= 11, `${ledger.renewals.length}`);
  assert(ledger.renewals.every((bytes) => bytes === MODEL_BYTES + CONTEXT_BYTES));
});

Deno.test("reservations: a ledger that can't be written anew is one warning", async () => {
  const full = () => Promise.reject(new Error("No space left"));
  const ledger = ledgerOf(15 * GB, undefined, full);
  const engine = { milliseconds: { think: 10_000 } };
  const { result, events } = await play({ ledger, mode: "single", turns: 60, engine });
  assertEquals([result.reason, result.exitCode], ["turns", 0]);
  assertEquals(named(events, "warning").map(({ code }) => code), ["promise-unwritten"]);
});

Deno.test("reservations: a ledger that somebody keeps doesn't keep a stopped run", async () => {
  const ledger: ReservationLedger = { ...ledgerOf(15 * GB), admit: () => new Promise(() => {}) };
  const { result, events, clock } = await play({ ledger, stopAfter: 1000 });
  assertEquals([result.reason, result.exitCode, result.reservedBytes], ["stopped", 130, 0]);
  assertEquals(named(events, "warning"), []);
  assert(clock.now() <= 4000, `${clock.now()} ms`);
});
