import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { readMachineMemory } from "../../src/machine/machine_memory.ts";

const MB = 1024 ** 2;
/** As that host recorded it, in kB. */
const AVAILABLE_HYBRID = 24111260;
const TREES = new URL("../../fixtures/machines/", import.meta.url);

interface Expected {
  readonly tree: string;
  readonly what: string;
  readonly totalMegabytes: number;
  readonly availableMegabytes: number;
  readonly total: string;
  readonly available: string;
  readonly warnings?: readonly string[];
  readonly pressure?: readonly [some: number, full: number];
  readonly swapFreeMegabytes?: number;
  readonly leftOut?: readonly string[];
}

const left = (limit: string, usage: string, group: string) =>
  `${limit} − ${usage} + reclaimable file cache of ${group}`;
const leftV1 = (group: string) => left("memory.limit_in_bytes", "memory.usage_in_bytes", group);
const leftV2 = (group: string) => left("memory.max", "memory.current", group);

const ofNode = (node: number) =>
  `MemFree + file cache + reclaimable kernel memory (memory node ${node})`;

/** The low watermark in MB, with 64 MB of vm.min_free_kbytes and the kernel's own scale. */
const watermark = (totalMegabytes: number) => 64 + Math.max(16, totalMegabytes / 1000);

/** What is kept free, and of each cache at most half, in MB. */
const keptOf = (totalMegabytes: number, ...caches: readonly number[]) =>
  caches.reduce(
    (sum, cache) => sum + Math.min(cache / 2, watermark(totalMegabytes)),
    watermark(totalMegabytes),
  );

const EXPECTED: readonly Expected[] = [
  {
    tree: "plain_host",
    what: "a host without limits has what its kernel says",
    totalMegabytes: 16384,
    availableMegabytes: 12288,
    total: "MemTotal",
    available: "MemAvailable",
    pressure: [0, 0],
  },
  {
    tree: "hybrid_host",
    what: "memory on v1 beside an empty v2 hierarchy, unlimited",
    totalMegabytes: 24684092 / 1024,
    availableMegabytes: AVAILABLE_HYBRID / 1024,
    total: "MemTotal",
    available: "MemAvailable",
    pressure: [0, 0],
  },
  {
    tree: "v1_limit",
    what: "a v1 limit, cache of the groups below included",
    totalMegabytes: 4096,
    availableMegabytes: 4096 - 3072 + 512 + 256,
    total: "memory.limit_in_bytes of /jobs/build",
    available: leftV1("/jobs/build"),
  },
  {
    tree: "v2_limit_on_ancestor",
    what: "the tightest limit sits two levels up, and its pressure is the worst",
    totalMegabytes: 6144,
    availableMegabytes: 6144 - 4096 + 1000,
    total: "memory.max of /ci.slice",
    available: leftV2("/ci.slice"),
    pressure: [4.5, 1.25],
  },
  {
    tree: "v2_high",
    what: "memory.high is tighter than memory.max",
    totalMegabytes: 5120,
    availableMegabytes: 5120 - 2048 + 512,
    total: "memory.high of /app.slice/notebook.scope",
    available: left("memory.high", "memory.current", "/app.slice/notebook.scope"),
    pressure: [0, 0],
  },
  {
    tree: "container_namespace",
    what: "a container whose own group is the root that it sees",
    totalMegabytes: 1536,
    availableMegabytes: 1536 - 700 + 248,
    total: "memory.max of /",
    available: leftV2("/"),
    pressure: [0, 0],
  },
  {
    tree: "container_stale_mount",
    what: "the group isn't under the mount at all: the mount's root counts",
    totalMegabytes: 2048,
    availableMegabytes: 2048 - 1024 + 300,
    total: "memory.max of /",
    available: leftV2("/"),
    pressure: [0, 0],
    warnings: ["control-group-stale"],
  },
  {
    tree: "container_group_removed",
    what: "the group is gone: its parent counts",
    totalMegabytes: 3072,
    availableMegabytes: 3072 - 1024 + 100,
    total: "memory.max of /kube/pod7",
    available: leftV2("/kube/pod7"),
    warnings: ["control-group-stale"],
  },
  {
    tree: "namespace_hidden_names",
    what: "a namespace hides the names on the way: the group is found by its members",
    totalMegabytes: 5120,
    availableMegabytes: 7168 - 5120 + 1024,
    total: "memory.max of /../../b.slice/mine.scope",
    available: leftV2("/../../b.slice"),
  },
  {
    tree: "namespace_outside",
    what: "the process was moved out of the namespace that is mounted",
    totalMegabytes: 2048,
    availableMegabytes: 2048 - 1024 + 256,
    total: "memory.max of /",
    available: leftV2("/"),
    warnings: ["control-group-stale"],
  },
  {
    tree: "docker_v1_subtree",
    what: "a container that mounts its own subtree",
    totalMegabytes: 3072,
    availableMegabytes: 3072 - 1024 + 512,
    total: "memory.limit_in_bytes of /docker/0123456789abcdef",
    available: leftV1("/docker/0123456789abcdef"),
  },
  {
    tree: "docker_v1_hidden_limit",
    what: "a tighter limit above what the container's mount shows",
    totalMegabytes: 2048,
    availableMegabytes: 2048 - 1024 + 512,
    total: "hierarchical_memory_limit of /docker/0123456789abcdef",
    available: left(
      "hierarchical_memory_limit",
      "memory.usage_in_bytes",
      "/docker/0123456789abcdef",
    ),
  },
  {
    tree: "swap",
    what: "swap is told and not counted",
    totalMegabytes: 8192,
    availableMegabytes: 2048,
    total: "MemTotal",
    available: "MemAvailable",
    pressure: [12.34, 5.67],
    swapFreeMegabytes: 7168,
  },
  {
    tree: "huge_pages",
    what: "huge pages are in MemTotal and no part of the total",
    totalMegabytes: 16384 - 8192,
    availableMegabytes: 3072,
    total: "MemTotal − Hugetlb",
    available: "MemAvailable",
    pressure: [0, 0],
    leftOut: ["Huge pages"],
  },
  {
    tree: "zfs",
    what: "the ZFS cache is left out, and no pressure is reported",
    totalMegabytes: 32768,
    availableMegabytes: 10240,
    total: "MemTotal",
    available: "MemAvailable",
    leftOut: ["ZFS cache"],
  },
  {
    tree: "data_limit",
    what: "RLIMIT_DATA, of which V8 reserves half a GB",
    totalMegabytes: 3072 - 552 + 12,
    availableMegabytes: 3072 - 552,
    total: "RLIMIT_DATA − what is reserved and not filled",
    available: "RLIMIT_DATA − VmData",
  },
  {
    tree: "address_space_limit",
    what: "RLIMIT_AS, of which V8 reserves 17 GB",
    totalMegabytes: 40 * 1024 - 18023740 / 1024 + 12,
    availableMegabytes: 40 * 1024 - 18023740 / 1024,
    total: "RLIMIT_AS − what is reserved and not filled",
    available: "RLIMIT_AS − VmSize",
  },
  {
    tree: "no_overcommit",
    what: "overcommit is off: what the kernel still promises",
    totalMegabytes: 16 * 1024 - 128 - 8 - 552 + 12,
    availableMegabytes: 6 * 1024 - 128 - 8,
    total: "CommitLimit − what is reserved and not filled (overcommit is off)",
    available: "CommitLimit − Committed_AS (overcommit is off)",
  },
  {
    tree: "memory_nodes",
    what: "the cpuset has one of two nodes, with huge pages on it",
    totalMegabytes: 31 * 1024,
    availableMegabytes: 2048 + 1024 + 512 - keptOf(64 * 1024, 1024, 512),
    total: "memory node 0",
    available: ofNode(0),
  },
  {
    tree: "memory_nodes_policy",
    what: "a policy binds to one of two allowed nodes",
    totalMegabytes: 32 * 1024,
    availableMegabytes: 31 * 1024 + 128 + 64 - keptOf(64 * 1024, 128, 64),
    total: "memory node 1",
    available: ofNode(1),
  },
  {
    tree: "no_mem_available",
    what: "a kernel without MemAvailable: its own rule, by its settings",
    totalMegabytes: 16 * 1024,
    availableMegabytes: (4 + 2) * 1024 + 256 - keptOf(16 * 1024, 2048, 256),
    total: "MemTotal",
    available: "MemFree + file cache + reclaimable kernel memory (no MemAvailable here)",
  },
  {
    tree: "v1_kernel_memory",
    what: "kernel memory of a v1 group, less what can't be taken back on the whole machine",
    totalMegabytes: 4096,
    availableMegabytes: 4096 - 3072 + 256 + 1024 - (128 + 16 + 32 + 16),
    total: "memory.limit_in_bytes of /build",
    available:
      "memory.limit_in_bytes − memory.usage_in_bytes + reclaimable file cache and kernel memory of /build",
  },
  {
    tree: "v2_kernel_memory",
    what: "reclaimable kernel memory of a v2 group, less the low watermark",
    totalMegabytes: 4096,
    availableMegabytes: 4096 - 3072 + 256 + 1024 - watermark(32 * 1024),
    total: "memory.max of /build",
    available: "memory.max − memory.current + reclaimable file cache and kernel memory of /build",
  },
  {
    tree: "no_control_groups",
    what: "a kernel without control groups",
    totalMegabytes: 4096,
    availableMegabytes: 3072,
    total: "MemTotal",
    available: "MemAvailable",
  },
];

for (const expected of EXPECTED) {
  Deno.test(`machine: ${expected.tree}: ${expected.what}`, async () => {
    const root = new URL(expected.tree, TREES).pathname;
    const memory = await readMachineMemory({ root });

    assertEquals(memory.totalBytes, expected.totalMegabytes * MB);
    // Halves and thousandths are rounded to bytes on the safe side.
    assertAlmostEquals(memory.availableBytes, expected.availableMegabytes * MB, 4);
    assert(memory.availableBytes <= expected.availableMegabytes * MB);
    const deciding = memory.sources.filter((source) => source.decides);
    assertEquals(
      deciding.map(({ figure, name, bytes }) => ({ figure, name, bytes })),
      [
        { figure: "total", name: expected.total, bytes: memory.totalBytes },
        { figure: "available", name: expected.available, bytes: memory.availableBytes },
      ],
    );
    assertEquals(memory.warnings.map((warning) => warning.code), expected.warnings ?? []);
    assertEquals(
      memory.pressure && [memory.pressure.someAverage10, memory.pressure.fullAverage10],
      expected.pressure,
    );
    assertEquals(memory.swap?.freeBytes, (expected.swapFreeMegabytes ?? 0) * MB);
    assertEquals(memory.leftOut?.map((one) => one.name), expected.leftOut);
    assertEquals(memory.reservedBytes, 0);
    for (const { path, terms } of memory.sources) {
      for (const place of [path, ...(terms ?? []).map((term) => term.path)]) {
        assertEquals(place?.startsWith(root), true, `${place} was read outside the tree`);
      }
    }
  });
}

Deno.test("machine: every recorded tree has its row", () => {
  const trees = [...Deno.readDirSync(TREES)].filter((entry) => entry.isDirectory);
  assertEquals(
    trees.map((entry) => entry.name).sort(),
    EXPECTED.map((expected) => expected.tree).sort(),
  );
});

Deno.test("machine: this very machine can be read", async () => {
  const memory = await readMachineMemory();
  assertEquals(memory.totalBytes > 0, true);
  assertEquals(memory.availableBytes > 0 && memory.availableBytes <= memory.totalBytes, true);
});
