import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BrainjarError } from "../../src/budget/error.ts";
import { GB, MB } from "../../src/budget/size.ts";
import { parseMachines } from "../../src/cli/settings/machines.ts";

/** RAM, how many, and each device with its bytes. */
type Told = readonly [
  ramBytes: number,
  count: number,
  devices: readonly (readonly [string, number])[],
];

const RIGHT: readonly [text: string, kinds: readonly Told[]][] = [
  ["16GB", [[16 * GB, 1, []]]],
  ["16*2", [[16 * GB, 2, []]]],
  ["16GB*40,24GB+cuda:24GB*8", [[16 * GB, 40, []], [24 * GB, 8, [["cuda:0", 24 * GB]]]]],
  ["64GB + cuda:24GB + cuda:16GB * 2", [
    [64 * GB, 2, [["cuda:0", 24 * GB], ["cuda:1", 16 * GB]]],
  ]],
  ["512MB+VULKAN=2GB*3", [[512 * MB, 3, [["vulkan:0", 2 * GB]]]]],
  ["16GB*2,16384MB*3", [[16 * GB, 5, []]]],
];

for (const [text, kinds] of RIGHT) {
  Deno.test(`--machines ${text}`, () => {
    assertEquals(
      parseMachines(text).map(({ machine, count }) => [
        machine.totalBytes,
        count,
        (machine.devices ?? []).map(({ memory: { id, totalBytes } }) => [id, totalBytes]),
      ]),
      kinds.map((one) => [...one]),
    );
  });
}

const WRONG: readonly [text: string, code: string, hint: string][] = [
  ["", "invalid-value", "It takes each kind's RAM"],
  ["16GB*40,", "invalid-value", "It takes each kind's RAM"],
  ["40*16GB", "invalid-value", 'Did you mean "16GB*40"?'],
  ["16GB*40*2", "invalid-value", "It takes each kind's RAM"],
  ["16GB*0", "invalid-value", "from 1 to 100000"],
  ["16GB*-1", "invalid-value", "from 1 to 100000"],
  ["16GB*1.5", "invalid-value", "from 1 to 100000"],
  ["16GB*many", "invalid-value", "from 1 to 100000"],
  ["16GB*99999,8GB*2", "invalid-value", "100000 machines at most"],
  ["16GBx40", "invalid-size", "Give a number of GB"],
  ["0GB*4", "invalid-size", "Give at least one byte"],
  ["16GB+24GB*4", "invalid-value", "After + it takes a device"],
  ["16GB+cuba:24GB*4", "invalid-value", 'Did you mean "cuda"?'],
  ["16GB+cuda*4", "invalid-value", "cuda:24GB"],
  ["16GB+cuda:*4", "invalid-value", "It takes each kind's RAM"],
  ["16GB+cuda:0*4", "invalid-size", "Give at least one byte"],
  ["16GB+cuda:24GB+vulkan:8GB", "invalid-value", "devices of one kind: cuda or vulkan"],
  ["16GB+metal:8GB+metal:8GB", "invalid-value", "1 metal devices at most"],
  [Array.from({ length: 33 }, (_, at) => `${at + 1}GB`).join(","), "invalid-value", "32 kinds"],
];

for (const [text, code, hint] of WRONG) {
  Deno.test(`--machines ${text.slice(0, 40)} is refused`, () => {
    const error = assertThrows(() => parseMachines(text), BrainjarError);
    assertEquals(error.code, code);
    assert(error.hint?.includes(hint), error.hint);
    assert(error.message.includes("--machines"));
  });
}

Deno.test("--machines: any text has an answer", () => {
  fc.assert(fc.property(fc.string({ unit: fc.constantFrom(..."16GB*+,:cuda=. ") }), (text) => {
    try {
      assert(parseMachines(text).every(({ count }) => count > 0));
    } catch (error) {
      assert(error instanceof BrainjarError && error.hint !== undefined);
    }
  }));
});
