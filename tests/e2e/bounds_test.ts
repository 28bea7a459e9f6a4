import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { brainjarArguments, type Finished, ROOT } from "./program.ts";

// The real thing: limits that the kernel enforces, and /proc as units and old kernels show it.

const BRAIN = `${ROOT}fixtures/demo-brain.gguf`;
const isLinux = Deno.build.os === "linux";

/** No policy, so that the limit alone decides. */
const BARE = [
  ...["--safety-margin", "0", "--allocation-headroom", "0", "--load-headroom", "0"],
];

/** Runs brainjar after some lines of shell, in the same process. */
async function after(
  shell: string,
  args: readonly string[],
  wrapper: readonly string[] = [],
): Promise<Omit<Finished, "milliseconds">> {
  const [program = "/bin/sh", ...words] = [
    ...wrapper,
    ...["/bin/sh", "-c", `${shell}\nexec "$0" "$@"`, Deno.execPath()],
    ...brainjarArguments(args),
  ];
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args: words,
    env: { NO_COLOR: "1", MALLOC_ARENA_MAX: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Whether mounts of one's own can be made, for a /proc that shows something else. */
const mayMount = isLinux && Deno.uid() === 0 &&
  (await new Deno.Command("/bin/sh", { args: ["-c", "unshare -pfm true"], stderr: "null" })
    .output()).success;

Deno.test({
  name: "bounds: RLIMIT_DATA decides; what passes under it runs, and what doesn't is refused",
  ignore: !isLinux,
  fn: async () => {
    const model = ["--model", BRAIN, ...BARE];
    const little = "ulimit -d 600000";
    const refused = await after(little, ["check", ...model]);
    assertEquals(refused.code, 1, refused.stderr);
    assertStringIncludes(refused.stdout, "RLIMIT_DATA");
    assert(!refused.stdout.includes("Close other programs"), "others have no part in it");
    assertStringIncludes(refused.stdout, "Lift the limit on data (ulimit -d, LimitDATA=), on a");
    assertEquals((await after(little, ["run", "--turns", "1", ...model])).code, 1);
    const { stdout } = await after(little, ["memory"]);
    assertStringIncludes(stdout, "RLIMIT_DATA − VmData");
    const enough = "ulimit -d 1400000";
    assertEquals((await after(enough, ["check", ...model])).code, 0);
    const alive = await after(enough, ["run", "--turns", "1", "--max-tokens", "2", ...model]);
    assertEquals(alive.code, 0, alive.stdout);
  },
});

Deno.test({
  name: "bounds: RLIMIT_AS counts what V8 reserves and all of a mapped file",
  ignore: !isLinux,
  fn: async () => {
    const folder = await Deno.makeTempDir();
    try {
      const limit = "ulimit -v 60000000";
      const { stdout } = await after(limit, ["memory", "--json"]);
      const space = JSON.parse(stdout).sources
        .find((one: { counts?: string; figure: string }) =>
          one.counts === "address-space" && one.figure === "available"
        );
      assert(space.bytes > 30e9 && space.bytes < 60_000_000 * 1024 - 16e9, `${space.bytes}`);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: "bounds: a model on a RAM disk isn't required again",
  ignore: !isLinux,
  fn: async () => {
    const copy = `/dev/shm/brainjar-test-${crypto.randomUUID()}.gguf`;
    try {
      await Deno.copyFile(BRAIN, copy);
    } catch {
      return console.warn("bounds: /dev/shm not tested, since it can't be written here");
    }
    try {
      const needs = async (model: string, ...flags: string[]) => {
        const args = ["check", "--json", "--model", model, "--kv-cache-type", "f16", ...flags];
        return JSON.parse((await after("", args)).stdout).instances[0];
      };
      const [there, onDisk] = [await needs(copy), await needs(BRAIN)];
      assertEquals(there.floorBytes, onDisk.floorBytes);
      // The brain's weights are 2.8 MB, and every token reads them: its output is its embedding.
      const less = onDisk.requiredBytes - there.requiredBytes;
      assert(less > 2e6 && less < 3.2e6, `${less}`);
      const copied = await needs(copy, "--no-mmap");
      assertEquals(copied.requiredBytes, (await needs(BRAIN, "--no-mmap")).requiredBytes);
      const { stdout } = await after("", ["check", "--model", copy]);
      assertStringIncludes(stdout, "of the file lie in memory already");
    } finally {
      await Deno.remove(copy);
    }
  },
});

/** A file that is shown in another's place. */
const shown = (text: string, path: string) =>
  `f=$(mktemp); printf '%s' '${text}' > $f; mount --bind $f ${path}`;

Deno.test({
  name: "bounds: with overcommit off only what the kernel still promises is available",
  ignore: !mayMount,
  fn: async () => {
    const meminfo = (await Deno.readTextFile("/proc/meminfo"))
      .replace(/^CommitLimit:.*$/m, "CommitLimit: 1048576 kB")
      .replace(/^Committed_AS:.*$/m, "Committed_AS: 921600 kB");
    const shell = [
      shown(meminfo, "/proc/meminfo"),
      shown("2\n", "/proc/sys/vm/overcommit_memory"),
    ].join("\n");
    const { code, stdout } = await after(shell, ["check", "--model", BRAIN, ...BARE], [
      ...["unshare", "-m"],
    ]);
    assertEquals(code, 1, stdout);
    assertStringIncludes(stdout, "CommitLimit − Committed_AS (overcommit is off)");
  },
});

Deno.test({
  name: "bounds: without MemAvailable, and with only processes in /proc, all commands answer",
  ignore: !mayMount,
  fn: async () => {
    const meminfo = (await Deno.readTextFile("/proc/meminfo")).replace(/^MemAvailable:.*\n/m, "");
    const run = ["run", "--model", BRAIN, "--turns", "1", "--max-tokens", "2"];
    for (
      const [shell, wrapper] of [
        [shown(meminfo, "/proc/meminfo"), ["unshare", "-m"]],
        ["mount -t proc -o subset=pid proc /proc", ["unshare", "-pfm"]],
        ["mount -t proc -o hidepid=invisible proc /proc", ["unshare", "-pfm"]],
      ] as const
    ) {
      for (const args of [["check", "--model", BRAIN], ["memory"], ["estimate", BRAIN], run]) {
        const { code, stderr } = await after(shell, args, wrapper);
        assertEquals(code, 0, `${shell}: ${args[0]}: ${stderr}`);
      }
    }
  },
});

Deno.test({
  name: "bounds: hints that name a machine's sizes and a CPU hold when followed, with run too",
  ignore: !mayMount,
  fn: async () => {
    const shell = [
      shown("nothing\n", "/proc/meminfo"),
      shown("\n", "/proc/cpuinfo"),
      shown("\n", "/sys/devices/system/cpu/modalias"),
    ].join("\n");
    const wrapper = ["unshare", "-m"];
    const commands = [
      ["check", "--model", BRAIN],
      ["run", "--model", BRAIN, "--turns", "1", "--max-tokens", "2"],
    ];
    for (const command of commands) {
      const memory = await after(shell, command, wrapper);
      assertEquals(memory.code, 2);
      assertStringIncludes(memory.stderr, "give both --total-memory and --available-memory");
      const sizes = [...command, "--total-memory", "8", "--available-memory", "6"];
      const cpu = await after(shell, sizes, wrapper);
      assertEquals(cpu.code, 2, cpu.stderr);
      assertStringIncludes(cpu.stderr, "Name the CPU with --cpu");
      const followed = await after(shell, [...sizes, "--cpu", "x86-64-v3"], wrapper);
      assertEquals(followed.code, 0, followed.stderr);
    }
    const { code, stderr } = await after(shell, ["memory"], wrapper);
    assertEquals(code, 2);
    assert(!stderr.includes("--total-memory"), "memory has no such flag");
    const measured = await after(shell, ["measure", BRAIN, "--cpu", "x86-64-v3"], wrapper);
    assertEquals(measured.code, 0, measured.stderr);
  },
});
