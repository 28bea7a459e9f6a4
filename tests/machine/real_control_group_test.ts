import { assert, assertEquals } from "@std/assert";
import { findControlGroups } from "../../src/machine/control_groups/control_groups.ts";
import { machineFilesBelow } from "../../src/machine/machine_files.ts";
import type { MachineMemory } from "../../src/budget/memory.ts";

// The kernel's own groups, not recorded ones: a group is made below this process's own, a child is
// put in it, and the child says what it has.

const MB = 1024 ** 2;
const LIMIT = 512 * MB;
const CACHED = 96 * MB;
const READ = new URL("../../src/machine/machine_memory.ts", import.meta.url).href;
const CONFIG = new URL("../../deno.json", import.meta.url).pathname;

/** A group of one's own below this process's, or why there is none. */
interface Place {
  readonly version: 1 | 2;
  readonly folder: string;
}

function findPlace(): Place | string {
  if (Deno.build.os !== "linux") return "control groups are Linux's";
  if (Deno.uid() !== 0) return "making a control group needs root";
  const { groups } = findControlGroups(machineFilesBelow("/"), "self");
  for (const group of groups) {
    const folder = `${group.folder}/brainjar-test-${Deno.pid}`;
    const limit = group.version === 1 ? "memory.limit_in_bytes" : "memory.max";
    try {
      Deno.mkdirSync(folder);
    } catch {
      continue;
    }
    try {
      Deno.statSync(`${folder}/${limit}`);
      return { version: group.version, folder };
    } catch {
      continue;
    } finally {
      Deno.removeSync(folder);
    }
  }
  return "no group with a memory controller can be made here";
}

/** Runs a program that reads the machine, `shell` before it, and answers what it read. */
async function readInside(shell: string): Promise<MachineMemory> {
  const program = `import { readMachineMemory } from ${JSON.stringify(READ)};` +
    "console.log(JSON.stringify(await readMachineMemory()));";
  const output = await new Deno.Command("/bin/sh", {
    args: [
      "-c",
      `${shell} "$0" eval --no-check --config "$1" "$2"`,
      Deno.execPath(),
      CONFIG,
      program,
    ],
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder().decode(output.stdout);
  assert(output.success, new TextDecoder().decode(output.stderr));
  return JSON.parse(text);
}

async function removeGroup(folder: string): Promise<void> {
  // A group stays busy for a moment after its last process has gone.
  for (let attempt = 0; attempt < 50; attempt += 1) {
    try {
      Deno.removeSync(folder);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
  throw new Error(`The group is still there: ${folder}`);
}

const place = findPlace();
const skipped = typeof place === "string" ? ` (skipped: ${place})` : "";

/**
 * A group limited to LIMIT with one inside it; `enter` is the shell's way in. Only `inner` is asked
 * to hold the process, so the limit sits on an ancestor.
 */
async function withLimitedGroup(
  body: (enter: string, folder: string) => Promise<void>,
): Promise<void> {
  if (typeof place === "string") return;
  const { folder, version } = place;
  const inner = `${folder}/inner`;
  Deno.mkdirSync(inner, { recursive: true });
  try {
    const file = version === 1 ? "memory.limit_in_bytes" : "memory.max";
    Deno.writeTextFileSync(`${folder}/${file}`, `${LIMIT}`);
    await body(`echo $$ > ${inner}/cgroup.procs`, folder);
  } finally {
    try {
      await removeGroup(inner);
    } finally {
      await removeGroup(folder);
    }
  }
}

Deno.test({
  name: `real control group: a limit the kernel enforces is read back${skipped}`,
  ignore: typeof place === "string",
  fn: async () => {
    await withLimitedGroup(async (enter, folder) => {
      const memory = await readInside(`${enter} && exec`);
      assertEquals(memory.totalBytes, LIMIT);
      assert(memory.availableBytes < LIMIT, "the program itself uses some of it");
      assert(memory.availableBytes > LIMIT / 2, `${memory.availableBytes} are left`);
      const deciding = memory.sources.filter((source) => source.decides);
      for (const source of deciding) assert(source.path?.startsWith(`${folder}/`));
      assertEquals(memory.warnings, []);
    });
  },
});

Deno.test({
  name: `real control group: file cache fills it and stays available${skipped}`,
  ignore: typeof place === "string",
  fn: async () => {
    const file = await Deno.makeTempFile();
    try {
      await withLimitedGroup(async (enter) => {
        const before = await readInside(`${enter} && exec`);
        // The kernel counts usage at once and the file cache every two seconds; until then less is
        // available, never more.
        const fill = `head -c ${CACHED} /dev/zero > ${file} && cat ${file} > /dev/null && sleep 3`;
        const after = await readInside(`${enter} && ${fill} && exec`);
        assert(usage(after) - usage(before) > CACHED / 2, "the cache counts as used");
        assert(before.availableBytes - after.availableBytes < CACHED / 2, "and as available");
      });
    } finally {
      await Deno.remove(file);
    }
  },
});

Deno.test({
  name: `real control group: names of files that the kernel keeps stay available${skipped}`,
  ignore: typeof place === "string",
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      await withLimitedGroup(async (enter) => {
        // Each name that isn't there is kept, in some 200 bytes of the group.
        const names = `i=0; while [ $i -lt 1000000 ]; do [ -e ${folder}/$i ]; i=$((i+1)); done`;
        const memory = await readInside(`${enter} && ${names} && exec`);
        const deciding = memory.sources.find((one) => one.figure === "available" && one.decides);
        const bytes = deciding?.terms?.[3]?.bytes ?? 0;
        if (usage(memory) < 128 * MB) {
          return console.warn("kernel memory: not tested, since this folder's names aren't kept");
        }
        assert(bytes > 20 * MB && bytes < usage(memory), `${bytes} of ${usage(memory)} count`);
        assertEquals(memory.warnings, []);
      });
    } finally {
      await Deno.remove(folder);
    }
  },
});

Deno.test({
  name: `real control group: a namespace that hides the names above is seen through${skipped}`,
  ignore: typeof place === "string",
  fn: async () => {
    const unshare = await new Deno.Command("/bin/sh", {
      args: ["-c", "unshare -C true"],
      stderr: "null",
    }).output();
    if (!unshare.success) {
      console.warn("control group namespace: not tested, since none can be made here");
      return;
    }
    await withLimitedGroup(async (enter) => {
      const memory = await readInside(`${enter} && exec unshare -C`);
      assertEquals(memory.totalBytes, LIMIT);
      assert(memory.availableBytes < LIMIT);
      assertEquals(memory.warnings, []);
    });
  },
});

/** What the deciding group says it uses. */
function usage(memory: MachineMemory): number {
  const deciding = memory.sources.find((one) => one.figure === "available" && one.decides);
  return -(deciding?.terms?.[1]?.bytes ?? 0);
}
