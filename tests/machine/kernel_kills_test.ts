import { assertEquals } from "@std/assert";
import { watchKernelKills } from "../../src/machine/control_groups/kernel_kills.ts";
import { fakeFiles } from "./fake_files.ts";

const MOUNTS = {
  1: "31 24 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n",
  2: "31 24 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n",
} as const;

interface Kills {
  /** Of the group that the process is in; none where that can't be read. */
  readonly group?: number;
  readonly machine: number;
  /** Where the process is; nothing once it has ended. */
  readonly path?: string;
}

function treeOf(version: 1 | 2, { group, machine, path }: Kills): Record<string, string> {
  const folder = version === 1 ? "/sys/fs/cgroup/memory/job" : "/sys/fs/cgroup/job";
  const file = version === 1 ? "memory.oom_control" : "memory.events.local";
  return {
    "/proc/vmstat": `pgfault 12\noom_kill ${machine}\n`,
    ...path !== undefined && {
      "/proc/7/cgroup": version === 1 ? `4:memory:${path}\n` : `0::${path}\n`,
      "/proc/7/mountinfo": MOUNTS[version],
    },
    [`${folder}/cgroup.procs`]: "7\n",
    [`/sys/fs/cgroup${version === 1 ? "/memory" : ""}/other/${file}`]: "oom_kill 0\n",
    ...group !== undefined && { [`${folder}/${file}`]: `under_oom 0\noom_kill ${group}\n` },
  };
}

const ROWS: readonly [what: string, kills: readonly [Kills, Kills], killed: boolean][] = [
  [
    "nobody",
    [{ group: 1, machine: 4, path: "/job" }, { group: 1, machine: 4, path: "/job" }],
    false,
  ],
  ["one in its group", [{ group: 1, machine: 4, path: "/job" }, { group: 2, machine: 5 }], true],
  // Somebody else's group passed its limit in the same second.
  ["one elsewhere", [{ group: 1, machine: 4, path: "/job" }, { group: 1, machine: 5 }], false],
  // A scope goes with its last process.
  ["one, and its group is gone", [{ group: 0, machine: 4, path: "/job" }, { machine: 5 }], true],
  ["one, its group unread", [{ machine: 4, path: "/" }, { machine: 5, path: "/" }], true],
  [
    "one, moved since",
    [{ machine: 4, path: "/other" }, { group: 3, machine: 5, path: "/job" }],
    false,
  ],
];

for (const version of [1, 2] as const) {
  for (const [what, [before, after], expected] of ROWS) {
    Deno.test(`kernel kills, version ${version}: ${what}`, () => {
      const tree = treeOf(version, before);
      const wasKilled = watchKernelKills(fakeFiles(tree), 7);
      for (const path of Object.keys(tree)) delete tree[path];
      Object.assign(tree, treeOf(version, after));
      assertEquals([wasKilled(), wasKilled()], [expected, false]);
    });
  }
}

Deno.test("kernel kills: of a process that nobody knows, any on the machine", () => {
  const tree = treeOf(2, { group: 0, machine: 4, path: "/job" });
  const wasKilled = watchKernelKills(fakeFiles(tree));
  Object.assign(tree, treeOf(2, { group: 0, machine: 5, path: "/job" }));
  assertEquals([wasKilled(), wasKilled()], [true, false]);
});
