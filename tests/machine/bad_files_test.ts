import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { readLinuxMemory } from "../../src/machine/memory/linux_memory.ts";
import { fakeFiles, type FakeTree } from "./fake_files.ts";

const GB = 1024 ** 3;
const UNLIMITED =
  "Max data size unlimited unlimited bytes\nMax address space unlimited unlimited bytes\n";
const GOOD: FakeTree = {
  "/proc/self/limits": UNLIMITED,
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

Deno.test("bad files: the tree they start from is good", async () => {
  const memory = await read(GOOD);
  assertEquals([memory.totalBytes, memory.availableBytes], [4 * GB, 3.5 * GB]);
  assertEquals(memory.warnings, []);
});

const ERRORS: readonly [what: string, tree: FakeTree, code: string, quoted: string][] = [
  ["no meminfo", without("/proc/meminfo"), "machine-unreadable", "does not exist"],
  ["denied meminfo", { ...GOOD, "/proc/meminfo": DENIED }, "machine-unreadable", "Permission"],
  ["empty meminfo", { ...GOOD, "/proc/meminfo": "" }, "machine-unreadable", "'MemTotal'"],
  ["garbage", { ...GOOD, "/proc/meminfo": "\0\xff{}\n" }, "machine-unreadable", "'MemTotal'"],
  [
    "neither MemAvailable nor MemFree",
    { ...GOOD, "/proc/meminfo": "MemTotal: 9 kB\nCached: 9 kB\n" },
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
    "a memory node that can't be read",
    {
      ...GOOD,
      "/proc/self/status": "Mems_allowed_list:\t1\n",
      "/sys/devices/system/node/node0/meminfo": "Node 0 MemTotal: 8 kB\nNode 0 MemFree: 8 kB\n",
      "/sys/devices/system/node/node1/meminfo": DENIED,
    },
    "machine-unreadable",
    "Memory node 1",
  ],
  [
    "all memory set aside as huge pages",
    {
      ...GOOD,
      "/proc/meminfo": "MemTotal: 9 kB\nMemAvailable: 0 kB\nHugetlb: 9 kB\n",
    },
    "machine-unreadable",
    "is 0",
  ],
  [
    "no usage under a limit",
    without("/sys/fs/cgroup/job/memory.current"),
    "control-group-unreadable",
    "does not exist",
  ],
];

for (const [what, tree, code, quoted] of ERRORS) {
  Deno.test(`bad files: ${what} is ${code}`, async () => {
    const error = await assertRejects(() => read(tree), BrainjarError) as BrainjarError;
    assertEquals([error.code, error.kind], [code, "usage"]);
    assertStringIncludes(error.message, quoted);
    assertEquals(/^[A-Z].*[^.]$/s.test(error.message), true, error.message);
    // The flags that stand for it belong to some commands only: plan/machine_memory.ts.
    assertEquals(error.hint, "Make it readable for this process");
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
    "denied limits of the process",
    { ...GOOD, "/proc/self/limits": DENIED },
    "process-limits-unreadable",
    3.5 * GB,
  ],
  [
    "no limits of the process",
    without("/proc/self/limits"),
    "process-limits-unreadable",
    3.5 * GB,
  ],
  [
    "a limit that is no number",
    { ...GOOD, "/proc/self/limits": UNLIMITED.replace("size unlimited", "size lots") },
    "process-limits-unreadable",
    3.5 * GB,
  ],
  [
    "a limit whose use can't be read",
    { ...GOOD, "/proc/self/limits": UNLIMITED.replace("size unlimited", `size ${GB}`) },
    "process-limits-unreadable",
    3.5 * GB,
  ],
  [
    "overcommit that can't be read, where it would decide",
    {
      ...GOOD,
      "/proc/meminfo": `${GOOD["/proc/meminfo"]}CommitLimit: 900 kB\nCommitted_AS: 800 kB\n`,
    },
    "overcommit-unreadable",
    3.5 * GB,
  ],
  [
    "overcommit that is off without a limit",
    { ...GOOD, "/proc/sys/vm/overcommit_memory": "2\n" },
    "overcommit-unreadable",
    3.5 * GB,
  ],
  [
    "two memory nodes and nothing said of which may be used",
    {
      ...GOOD,
      "/sys/devices/system/node/node0/meminfo": "Node 0 MemTotal: 8 kB\nNode 0 MemFree: 8 kB\n",
      "/sys/devices/system/node/node1/meminfo": "Node 1 MemTotal: 8 kB\nNode 1 MemFree: 8 kB\n",
    },
    "memory-nodes-unreadable",
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
  Deno.test(`bad files: ${what}, with a warning`, async () => {
    const memory = await read(tree);
    assertEquals(memory.warnings.map((warning) => warning.code), [code]);
    assertEquals(memory.availableBytes, available);
  });
}

Deno.test("bad files: cache beyond the usage adds no more than the usage", async () => {
  const memory = await read({
    ...GOOD,
    "/sys/fs/cgroup/job/memory.stat": `inactive_file ${9 * GB}\nactive_file 0\n`,
  });
  assertEquals(memory.availableBytes, 4 * GB);
});

Deno.test("bad files: a group over its limit has nothing left, not less", async () => {
  const memory = await read({
    ...GOOD,
    "/sys/fs/cgroup/job/memory.current": `${6 * GB}\n`,
    "/sys/fs/cgroup/job/memory.stat": "inactive_file 0\nactive_file 0\n",
  });
  assertEquals(memory.availableBytes, 0);
});

Deno.test("bad files: pressure that the kernel was told not to measure is absent", async () => {
  const refused = new Error("Operation not supported (os error 95)");
  const memory = await read({ ...GOOD, "/proc/pressure/memory": refused });
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

Deno.test("bad files: a hidden meminfo is asked of the kernel, and only what is free counts", async () => {
  const files = fakeFiles({
    ...without("/proc/meminfo"),
    "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages": "512\n",
  });
  const memory = await readLinuxMemory({
    ...files,
    systemMemory: () => ({ total: 16 * GB, free: 2 * GB, swapTotal: 0, swapFree: 0 }),
  }, "self");
  assertEquals(memory.warnings.map((warning) => warning.code), ["meminfo-hidden"]);
  assertEquals([memory.totalBytes, memory.availableBytes], [4 * GB, 2 * GB]);
  const total = memory.sources.find((source) => source.figure === "total");
  assertEquals([total?.name, total?.bytes], ["total RAM − huge pages", 15 * GB]);
});
