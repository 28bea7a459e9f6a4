import { assertEquals, assertThrows } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { renewed, withJar } from "../../src/ledger/ledger.ts";
import { MemoryLedger } from "../../src/ledger/memory_ledger.ts";
import type { DeviceReservation } from "../../src/ledger/reservation.ts";
import { sumReservations, unfilledOnDevices } from "../../src/ledger/sums.ts";
import { decodeLedger, encodeLedger } from "../../src/ledger/text.ts";
import { fakeProcesses } from "../machine/fake_processes.ts";
import { card, withFolder } from "./helpers.ts";

const CARD = "0000:01:00.0";
const EMPTY = { bootId: "", reservations: [] };

function on(reservedBytes: number, filledBytes = 0, device = CARD): DeviceReservation {
  return { device, id: "cuda:0", reservedBytes, filledBytes };
}

Deno.test("ledger devices: what others reserved there and have not filled comes off each device", async () => {
  await withFolder(async (folder) => {
    const processes = fakeProcesses();
    for (const id of [1, 2]) processes.running.set(id, { startTime: "20", anonymousBytes: 0 });
    const as = (ownId: number) =>
      new MemoryLedger({ folders: [folder], processes: { ...processes, ownId } });
    const [first, second] = [as(1), as(2)];
    await first.reserve({ id: "jars", bytes: 1, devices: [on(600, 100)] });
    const [device] = (await second.takeOffOthers(card(900))).devices ?? [];
    assertEquals([device?.availableBytes, device?.reservedBytes], [400, 500]);
    // Who reserved it has it still, and another card is another card, whatever it is called.
    assertEquals((await first.takeOffOthers(card(900))).devices?.[0]?.availableBytes, 900);
    const other = await second.takeOffOthers(card(900, { identity: "0000:02:00.0" }));
    assertEquals(other.devices?.[0]?.availableBytes, 900);
    // The same card under another name.
    const renamed = await second.takeOffOthers(card(900, { id: "vulkan:3" }));
    assertEquals(renamed.devices?.[0]?.availableBytes, 400);
    // What its driver says is filled counts no more, however old what was written is.
    const holders = [{ processId: 1, bytes: 550 }, { processId: 77, bytes: 4 }];
    assertEquals(
      (await second.takeOffOthers(card(900, { holders }))).devices?.[0]?.availableBytes,
      850,
    );
    await first.renew(new Map([[CARD, 580]]));
    assertEquals((await second.takeOffOthers(card(900))).devices?.[0]?.availableBytes, 880);
    await first.release("jars");
    assertEquals((await second.takeOffOthers(card(900))).devices?.[0]?.availableBytes, 900);
  });
});

Deno.test("ledger devices: a token holds them, and gives its place to a jar", async () => {
  await withFolder(async (folder) => {
    const processes = fakeProcesses();
    for (const id of [1, 2]) processes.running.set(id, { startTime: "20", anonymousBytes: 0 });
    const as = (ownId: number) =>
      new MemoryLedger({ folders: [folder], processes: { ...processes, ownId } });
    const [ledger, others] = [as(1), as(2)];
    const { token = "" } = await ledger.admit(() => card(900), () => ({
      value: true,
      token: { bytes: 5, durationMilliseconds: 10_000, devices: [on(700)] },
    }));
    const left = async (one: MemoryLedger) =>
      (await one.takeOffOthers(card(900))).devices?.[0]?.availableBytes;
    assertEquals([await left(ledger), await left(others)], [200, 200]);
    assertEquals(ledger.claim(token), { bytes: 5, devices: [on(700)] });
    assertEquals([await left(ledger), await left(others)], [900, 200]);
    await ledger.admit(() => card(900), (memory) => {
      assertEquals(memory.devices?.[0]?.availableBytes, 900);
      return { value: true, jar: { id: "jars", bytes: 5, devices: [on(800)] } };
    });
    assertEquals([await left(ledger), await left(others)], [900, 100]);
    await ledger.release("jars");
    const again = await ledger.admit(() => card(900), () => ({
      value: true,
      token: { bytes: 5, durationMilliseconds: 10_000, devices: [on(700)] },
    }));
    assertEquals(await others.releaseToken(again.token ?? ""), { bytes: 5, devices: [on(700)] });
    assertEquals(await left(others), 900);
  });
});

Deno.test("ledger devices: they are written and read, and entries without them as ever", () => {
  const processes = fakeProcesses();
  const plain = withJar(EMPTY, { id: "old", bytes: 3 }, processes);
  assertEquals(encodeLedger(plain).includes("devices"), false);
  assertEquals(decodeLedger(encodeLedger(plain)), plain);
  const both = withJar(plain, { id: "new", bytes: 3, devices: [on(7, 2)] }, processes);
  assertEquals(decodeLedger(encodeLedger(both)), both);
  const entry = JSON.parse(encodeLedger(both)).entries[1];
  assertEquals(entry.devices, [{ device: CARD, id: "cuda:0", filledBytes: 2, promisedBytes: 7 }]);
  for (const devices of [{}, 3, [3], [{ ...entry.devices[0], promisedBytes: -1 }], [{}]]) {
    const text = JSON.stringify({
      schema: "brainjar.ledger/1",
      bootId: "",
      entries: [{ ...entry, devices }],
    });
    assertEquals(decodeLedger(text), undefined, JSON.stringify(devices));
  }
  assertThrows(
    () => withJar(EMPTY, { id: "a", bytes: 3, devices: [on(-1)] }, processes),
    BrainjarError,
  );
});

Deno.test("ledger devices: renewing keeps them, with what is filled by now, never more than all", () => {
  const processes = fakeProcesses();
  const ledger = withJar(
    EMPTY,
    { id: "a", bytes: 3, devices: [on(7, 2), on(9, 1, "b")] },
    processes,
  );
  const devices = (one: typeof ledger) => one.reservations[0]?.devices;
  assertEquals(devices(renewed(ledger, processes)), [on(7, 2), on(9, 1, "b")]);
  assertEquals(devices(renewed(ledger, processes, new Map([[CARD, 99]]))), [
    on(7, 7),
    on(9, 1, "b"),
  ]);
});

Deno.test("ledger devices: a process in another namespace goes by what it wrote", () => {
  const there = { ...fakeProcesses(), namespace: "there" };
  const { reservations } = withJar(EMPTY, { id: "a", bytes: 3, devices: [on(7, 2)] }, there);
  // Its id is another's here.
  const holders = [{ processId: there.ownId, bytes: 7 }];
  const sums = sumReservations(reservations, fakeProcesses(), card(9, { holders }).devices);
  assertEquals([...unfilledOnDevices(sums, there.ownId)], [[CARD, 5]]);
});

Deno.test("ledger devices: what an older brainjar left out when it wrote is put back", async () => {
  await withFolder(async (folder) => {
    const processes = fakeProcesses();
    for (const id of [1, 2]) processes.running.set(id, { startTime: "20", anonymousBytes: 0 });
    const as = (ownId: number) =>
      new MemoryLedger({ folders: [folder], processes: { ...processes, ownId } });
    const ledger = as(1);
    await ledger.reserve({ id: "jars", bytes: 1, devices: [on(600)] });
    const path = `${folder}/ledger.json`;
    const written = JSON.parse(await Deno.readTextFile(path));
    delete written.entries[0].devices;
    await Deno.writeTextFile(path, JSON.stringify(written));
    assertEquals([...(await as(2).view()).othersUnfilledOn], []);
    await ledger.renew();
    assertEquals([...(await as(2).view()).othersUnfilledOn], [[CARD, 600]]);
    assertEquals((await ledger.view()).sums.length, 1);
  });
});
