import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BrainjarError } from "../../src/budget/error.ts";
import {
  formatAmount,
  formatEnough,
  formatSize,
  GB,
  parseSize,
  roundSize,
} from "../../src/budget/size.ts";

const SEED = 20260214;

Deno.test("size: what the command line takes", () => {
  const table: readonly (readonly [string, number])[] = [
    ["8", 8 * GB],
    ["8.0", 8 * GB],
    ["8.", 8 * GB],
    [".5", GB / 2],
    ["0.5", GB / 2],
    ["9.1", 9771050598],
    ["512MB", 512 * 1024 ** 2],
    ["512mb", 512 * 1024 ** 2],
    ["512 MiB", 512 * 1024 ** 2],
    ["512m", 512 * 1024 ** 2],
    ["1.5GiB", 1.5 * GB],
    ["1.5GB", 1.5 * GB],
    ["1.5g", 1.5 * GB],
    ["1.5Gi", 1.5 * GB],
    ["  2  gb\t", 2 * GB],
    ["900000000B", 900000000],
    ["900000000 bytes", 900000000],
    ["1 byte", 1],
    ["64KB", 65536],
    ["64KiB", 65536],
    ["1TB", 1024 * GB],
    ["1TiB", 1024 * GB],
    ["1PB", 1024 ** 2 * GB],
    ["9007199254740991B", Number.MAX_SAFE_INTEGER],
    ["0.6B", 1],
  ];
  for (const [text, bytes] of table) assertEquals(parseSize(text), bytes, text);
});

Deno.test("size: what it refuses, quoting the value", () => {
  const table = [
    "",
    " ",
    "abc",
    "NaN",
    "Infinity",
    "-Infinity",
    "-1",
    "-1GB",
    "+1",
    "0",
    "0.0",
    "0GB",
    "0.4B",
    "0x10",
    "1e3",
    "1e400",
    "1,5",
    "1_000",
    "1.2.3",
    ".",
    "GB",
    "8 8",
    "8XB",
    "8GBs",
    "8ib",
    "٨",
    "９",
    "9007199254740992B",
    "8192TB",
    "99999999999999999999999999999999",
    "1" + "0".repeat(400),
  ];
  for (const text of table) {
    const error = assertThrows(() => parseSize(text), BrainjarError) as BrainjarError;
    assertEquals(error.code, "invalid-size", text);
    assertEquals(error.kind, "usage", text);
    assertEquals(error.message.includes(`'${text}'`), true, error.message);
    assertEquals(error.message.endsWith("."), false);
    assertEquals(typeof error.hint, "string");
  }
});

Deno.test("size: zero only where it is allowed", () => {
  for (const text of ["0", "0.0", "0MB", "0B", "0.0000000001"]) {
    assertEquals(parseSize(text, { allowZero: true }), 0, text);
    assertThrows(() => parseSize(text), BrainjarError);
  }
  assertThrows(() => parseSize("-0", { allowZero: true }), BrainjarError);
});

Deno.test("size: a hostile text is refused in no time", () => {
  const started = performance.now();
  assertThrows(() => parseSize("1".repeat(1_000_000) + "x"), BrainjarError);
  assertThrows(() => parseSize(" ".repeat(1_000_000) + "x"), BrainjarError);
  assertThrows(() => parseSize("1" + " ".repeat(1_000_000) + "x"), BrainjarError);
  assertEquals(performance.now() - started < 1000, true);
});

Deno.test("size: two decimals of 1024³", () => {
  const table: readonly (readonly [number, string])[] = [
    [0, "0.00 GB"],
    [30 * GB, "30.00 GB"],
    [28512140394, "26.55 GB"],
    [1000 ** 3, "0.93 GB"],
    [-3.45 * GB, "-3.45 GB"],
  ];
  for (const [bytes, text] of table) assertEquals(formatAmount(bytes), text);
});

Deno.test("size: only nothing reads 0.00 GB", () => {
  const table: readonly (readonly [number, string])[] = [
    [0, "0.00 GB"],
    [1, "1 byte"],
    [2, "2 bytes"],
    [1023, "1023 bytes"],
    [1024, "1.00 KB"],
    [104857, "102.40 KB"],
    [104858, "0.10 MB"],
    [1024 ** 2, "1.00 MB"],
    [107374182, "102.40 MB"],
    [107374183, "0.10 GB"],
    [3 * GB, "3.00 GB"],
    [-1, "-1 byte"],
    [-2 * 1024 ** 2, "-2.00 MB"],
  ];
  for (const [bytes, text] of table) assertEquals(formatAmount(bytes), text);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (bytes) => {
      const text = formatAmount(bytes);
      const [number, unit] = text.split(" ");
      const shown = Number(number) * ({ GB, MB: 1024 ** 2, KB: 1024 }[unit ?? ""] ?? 1);
      return !/^0(\.0+)? /.test(text) && Math.abs(shown - bytes) <= bytes * 0.0501;
    }),
    { seed: SEED },
  );
});

Deno.test("size: printed exactly, it reads back the same", () => {
  const table: readonly (readonly [number, string])[] = [
    [0, "0B"],
    [1, "1B"],
    [1023, "1023B"],
    [1024, "1KB"],
    [512 * 1024 ** 2, "512MB"],
    [1.5 * GB, "1.5GB"],
    [9771050598, "9.1GB"],
    [900000000, "900000000B"],
    [GB + 1, "1073741825B"],
    [Number.MAX_SAFE_INTEGER, "9007199254740991B"],
  ];
  for (const [bytes, text] of table) assertEquals(formatSize(bytes), text);

  const anySize = fc.oneof(
    fc.maxSafeNat(),
    fc.integer({ min: 0, max: 4096 }),
    // Near what people write: a few decimals of a unit, give or take a byte.
    fc.tuple(
      fc.integer({ min: 1, max: 99999 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: -1, max: 1 }),
    ).map(([hundredths, power, off]) => Math.round((hundredths / 100) * 1024 ** power) + off),
  );
  fc.assert(
    fc.property(anySize, (bytes) => parseSize(formatSize(bytes), { allowZero: true }) === bytes),
    { seed: SEED, numRuns: 2000 },
  );
});

Deno.test("size: rounded as a person would write it, never the wrong way", () => {
  const table: readonly (readonly [number, "up" | "down", string])[] = [
    [9.19 * GB, "down", "9.1"],
    [9.11 * GB, "up", "9.2"],
    [parseSize("9.1"), "up", "9.1"],
    [parseSize("9.1"), "down", "9.1"],
    [GB, "down", "1.0"],
    [GB - 1, "up", "1024MB"],
    [GB - 1, "down", "1023MB"],
    [1, "up", "1MB"],
    [1, "down", "0"],
    [0, "up", "0"],
  ];
  for (const [bytes, direction, text] of table) {
    assertEquals(roundSize(bytes, direction).text, text);
  }

  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 45 }), (size) => {
      const [down, up] = [roundSize(size, "down"), roundSize(size, "up")];
      for (const { bytes, text } of [down, up]) {
        assertEquals(parseSize(text, { allowZero: true }), bytes);
      }
      assertEquals([down.bytes <= size, up.bytes >= size], [true, true]);
      // No step is skipped.
      assertEquals(up.bytes - down.bytes <= (size < GB ? 1024 ** 2 : GB / 10 + 1), true);
      assertEquals(parseSize(formatEnough(size), { allowZero: true }) >= size, true);
    }),
    { seed: SEED, numRuns: 2000 },
  );
});
