import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { readLinuxMemory } from "../../src/machine/linux_memory.ts";
import { fakeFiles, type FakeTree } from "./fake_files.ts";

const GB = 1024 ** 3;
const GOOD: FakeTree = {
  "/proc/meminfo": "MemTotal: 16777216 kB\nMemAvailable: 8388608 kB\n",
  "/proc/self/cgroup": "0::/job\n",
  "/proc/self/mountinfo": "31 24 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
  "/sys/fs/cgroup/job/memory.max": `${4 * GB}\n`,
  "/sys/fs/cgroup/job/memory.high": "max\n",
  "/sys/fs/cgroup/job/memory.current": `${1 * GB}\n`,
  "/sys/fs/cgroup/job/memory.stat": `inactive_file ${GB / 4}\nactive_file ${GB / 4}\n`,
};
const DENIED = new Error("Permission denied (os error 13)");
const read = (tree: FakeTree) => readLinuxMemory(fakeFiles(tree), "self");

function without(path: string): FakeTree {
  return Object.fromEntries(Object.entries(GOOD).filter(([name]) => name !== path));
}

Deno.test("bad files: the tree they start from is good", () => {
  const memory = read(GOOD);
  assertEquals([memory.totalBytes, memory.availableBytes], [4 * GB, 3.5 * GB]);
  assertEquals(memory.warnings, []);
});

const ERRORS: readonly [what: string, tree: FakeTree, code: string, quoted: string][] = [
  ["no meminfo", without("/proc/meminfo"), "machine-unreadable", "does not exist"],
  ["denied meminfo", { ...GOOD, "/proc/meminfo": DENIED }, "machine-unreadable", "Permission"],
  ["empty meminfo", { ...GOOD, "/proc/meminfo": "" }, "machine-unreadable", "'MemTotal'"],
  ["garbage", { ...GOOD, "/proc/meminfo": "\0\xff{}\n" }, "machine-unreadable", "'MemTotal'"],
  [
    "no MemAvailable",
    { ...GOOD, "/proc/meminfo": "MemTotal: 9 kB\nMemFree: 9 kB\n" },
    "machine-unreadable",
    "'MemAvailable'",
  ],
  [
    "a total of zero",
    { ...GOOD, "/proc/meminfo": "MemTotal: 0 kB\nMemAvailable: 0 kB\n" },
    "machine-unreadable",
    "is 0",
  ],
  [
    "a total that is no number",
    { ...GOOD, "/proc/meminfo": "MemTotal: -1 kB\nMemAvailable: 5 kB\n" },
    "machine-unreadable",
    "'MemTotal'",
  ],
  [
    "a total beyond counting",
    { ...GOOD, "/proc/meminfo": `MemTotal: ${"9".repeat(30)} kB\nMemAvailable: 5 kB\n` },
    "machine-unreadable",
    "'MemTotal'",
  ],
  [
    "denied cgroup list",
    { ...GOOD, "/proc/self/cgroup": DENIED },
    "control-group-unreadable",
    "Permission",
  ],
  [
    "denied mount list",
    { ...GOOD, "/proc/self/mountinfo": DENIED },
    "control-group-unreadable",
    "Permission",
  ],
  [
    "denied limit",
    { ...GOOD, "/sys/fs/cgroup/job/memory.max": DENIED },
    "control-group-unreadable",
    "memory.max",
  ],
  [
    "denied memory.high",
    { ...GOOD, "/sys/fs/cgroup/job/memory.high": DENIED },
    "control-group-unreadable",
    "memory.high",
  ],
  [
    "empty limit",
    { ...GOOD, "/sys/fs/cgroup/job/memory.max": "" },
    "control-group-unreadable",
    "which is no size",
  ],
  [
    "negative limit",
    { ...GOOD, "/sys/fs/cgroup/job/memory.max": "-1\n" },
    "control-group-unreadable",
    "'-1'",
  ],
  [
    "denied usage under a limit",
    { ...GOOD, "/sys/fs/cgroup/job/memory.current": DENIED },
    "control-group-unreadable",
    "memory.current",
  ],
  [
    "no usage under a limit",
    without("/sys/fs/cgroup/job/memory.current"),
    "control-group-unreadable",
    "does not exist",
  ],
];

for (const [what, tree, code, quoted] of ERRORS) {
  Deno.test(`bad files: ${what} is ${code}`, () => {
    const error = assertThrows(() => read(tree), BrainjarError) as BrainjarError;
    assertEquals([error.code, error.kind], [code, "usage"]);
    assertStringIncludes(error.message, quoted);
    assertEquals(/^[A-Z].*[^.]$/s.test(error.message), true, error.message);
    assertStringIncludes(error.hint ?? "", "--available-memory");
  });
}

const WARNINGS: readonly [what: string, tree: FakeTree, code: string, available: number][] = [
  [
    "denied statistics count no cache",
    { ...GOOD, "/sys/fs/cgroup/job/memory.stat": DENIED },
    "control-group-statistics-unreadable",
    3 * GB,
  ],
  [
    "statistics with a field missing count no cache",
    { ...GOOD, "/sys/fs/cgroup/job/memory.stat": `inactive_file ${GB}\n` },
    "control-group-statistics-unreadable",
    3 * GB,
  ],
  [
    "garbage pressure",
    { ...GOOD, "/proc/pressure/memory": "some avg10=NaN\n" },
    "pressure-unreadable",
    3.5 * GB,
  ],
  [
    "a group that is mounted nowhere",
    { ...GOOD, "/proc/self/mountinfo": "22 1 259:2 / / rw - ext4 /dev/sda1 rw\n" },
    "control-group-unseen",
    8 * GB,
  ],
];

for (const [what, tree, code, available] of WARNINGS) {
  Deno.test(`bad files: ${what}, with a warning`, () => {
    const memory = read(tree);
    assertEquals(memory.warnings.map((warning) => warning.code), [code]);
    assertEquals(memory.availableBytes, available);
  });
}

Deno.test("bad files: cache beyond the usage adds no more than the usage", () => {
  const memory = read({
    ...GOOD,
    "/sys/fs/cgroup/job/memory.stat": `inactive_file ${9 * GB}\nactive_file 0\n`,
  });
  assertEquals(memory.availableBytes, 4 * GB);
});

Deno.test("bad files: a group over its limit has nothing left, not less", () => {
  const memory = read({
    ...GOOD,
    "/sys/fs/cgroup/job/memory.current": `${6 * GB}\n`,
    "/sys/fs/cgroup/job/memory.stat": "inactive_file 0\nactive_file 0\n",
  });
  assertEquals(memory.availableBytes, 0);
});

Deno.test("bad files: pressure that the kernel was told not to measure is absent", () => {
  const refused = new Error("Operation not supported (os error 95)");
  const memory = read({ ...GOOD, "/proc/pressure/memory": refused });
  assertEquals([memory.pressure, memory.warnings], [undefined, []]);
});

Deno.test("bad files: a folder in the place of meminfo is an error, not a zero", async () => {
  const root = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${root}/proc/meminfo`, { recursive: true });
    const { readMachineMemory } = await import("../../src/machine/machine_memory.ts");
    const error = await readMachineMemory({ root }).catch((reason) => reason);
    assertEquals(error instanceof BrainjarError && error.code, "machine-unreadable");
  } finally {
    await Deno.remove(root, { recursive: true });
  }
});
