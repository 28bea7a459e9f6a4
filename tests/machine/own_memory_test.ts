import { assertEquals } from "@std/assert";
import type { MachineMemory } from "../../src/budget/memory.ts";
import { countOwnMemory } from "../../src/machine/own_memory.ts";

const MEMORY: MachineMemory = {
  totalBytes: 1000,
  availableBytes: 300,
  reservedBytes: 0,
  sources: [
    { figure: "total", name: "MemTotal", path: "/proc/meminfo", bytes: 1000, decides: true },
    {
      figure: "available",
      name: "MemAvailable",
      path: "/proc/meminfo",
      bytes: 600,
      decides: false,
    },
    {
      figure: "available",
      name: "limit − usage of /a",
      path: "/a/limit",
      bytes: 300,
      decides: true,
      terms: [
        { name: "limit", path: "/a/limit", bytes: 800 },
        { name: "usage", path: "/a/usage", bytes: -500 },
      ],
    },
  ],
  warnings: [],
};

Deno.test("own memory: every reading of what is available has it as a term", () => {
  const { availableBytes, totalBytes, sources } = countOwnMemory(MEMORY, 20);
  assertEquals([availableBytes, totalBytes], [320, 1000]);
  for (const { figure, bytes, terms = [] } of sources) {
    if (figure === "total") assertEquals([bytes, terms], [1000, []]);
    else assertEquals(terms.reduce((sum, term) => sum + term.bytes, 0), bytes);
  }
  assertEquals(
    sources.find(({ decides, figure }) => decides && figure === "available")?.bytes,
    320,
  );
});

Deno.test("own memory: never more than there is, and nothing where nothing is known", () => {
  assertEquals(countOwnMemory(MEMORY, 5000).availableBytes, 1000);
  assertEquals(countOwnMemory(MEMORY, 0), MEMORY);
  assertEquals(countOwnMemory({ ...MEMORY, availableBytes: 1000 }, 20).availableBytes, 1000);
});
