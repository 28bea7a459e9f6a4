import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import { readCpuFeatures } from "../../src/machine/cpu.ts";
import { engineThreads } from "../../src/machine/engine_threads.ts";
import { parseCpuModalias } from "../../src/machine/cpu_modalias.ts";
import { parseCpuFeatures } from "../../src/machine/linux_cpu.ts";
import { NAMED_CPUS, namedCpu } from "../../src/machine/named_cpu.ts";
import { readReportedCpu } from "../../src/machine/systeminformation.ts";

Deno.test("cpu: an x86's flags, with the case and blanks that kernels write", () => {
  const cpu = parseCpuFeatures("processor\t: 0\nflags\t\t: fpu lm  AVX2 amx_int8\nbugs\t: x\n", 8);
  assertEquals(cpu, {
    architecture: "x86_64",
    features: new Set(["fpu", "lm", "avx2", "amx_int8"]),
    threads: 8,
  });
});

Deno.test("cpu: an ARM's features", () => {
  const cpu = parseCpuFeatures("processor\t: 0\nFeatures\t: fp asimd asimddp i8mm\n", 4);
  assertEquals(cpu?.architecture, "aarch64");
  assert(cpu?.features.has("i8mm"));
});

Deno.test("cpu: 32-bit ones and others have no features", () => {
  const texts = ["flags : fpu sse2\n", "Features : half thumb neon\n", "isa : rv64gc\n"];
  for (const text of [...texts, "cpu\t\t: POWER9\n"]) {
    assertEquals(parseCpuFeatures(text, 4), {
      architecture: "other",
      features: new Set(),
      threads: 4,
    });
  }
});

Deno.test("cpu: a text that describes none is none, and not one without features", () => {
  const cut = "processor : 0\nvendor_id : GenuineIntel\ncpu family : 6\n";
  for (const text of ["", "\n", "flags :\n", cut, "\0\xff"]) {
    assertEquals(parseCpuFeatures(text, 4), undefined);
  }
});

Deno.test("cpu: what the kernel names it by for its module loader says the same", () => {
  const alias =
    "cpu:type:x86,ven0000fam0006mod00CF:feature:,0000,003D,009C,0125,0130,013F,0258,0259,\n";
  const x86 = parseCpuModalias(alias);
  assertEquals(x86?.architecture, "x86_64");
  assertEquals(
    [...x86?.features ?? []].sort(),
    ["amx_int8", "amx_tile", "avx", "avx2", "avx512f", "avx512vl", "lm"],
  );
  for (const i8mm of ["002D", "004D"]) {
    const arm = parseCpuModalias(`cpu:type:aarch64:feature:,0000,0001,0014,${i8mm}`);
    assertEquals([...arm?.features ?? []].sort(), ["asimd", "asimddp", "fp", "i8mm"]);
  }
  for (const text of ["", "cpu:type:x86:feature:,0000", "cpu:type:s390:feature:,0001", "acpi:X"]) {
    assertEquals(parseCpuModalias(text), undefined);
  }
});

Deno.test("cpu: this machine's two descriptions agree", async () => {
  const text = await Deno.readTextFile("/sys/devices/system/cpu/modalias").catch(() => "");
  const alias = parseCpuModalias(text);
  if (alias === undefined) return console.warn("cpu: not compared, since this kernel names none");
  const told = (await readCpuFeatures()).features;
  for (const feature of alias.features) assert(told.has(feature), feature);
});

Deno.test("cpu: a cpuinfo that is empty or hidden is read from its other name", async () => {
  const modalias = { "/sys/devices/system/cpu/modalias": "cpu:type:x86:feature:,003D,0125\n" };
  for (const tree of [{ ...modalias, "/proc/cpuinfo": "" }, modalias]) {
    await withTree(tree, async (root) => {
      assert((await readCpuFeatures({ root })).features.has("avx2"));
    });
  }
});

Deno.test("cpu: the engine never computes with fewer than four threads", () => {
  assertEquals([1, 2, 4, 8].map(engineThreads), [4, 4, 4, 8]);
});

async function withTree(
  files: Readonly<Record<string, string>>,
  body: (root: string) => Promise<void>,
): Promise<void> {
  const root = await Deno.makeTempDir();
  try {
    for (const [path, text] of Object.entries(files)) {
      await Deno.mkdir(`${root}${path.slice(0, path.lastIndexOf("/"))}`, { recursive: true });
      await Deno.writeTextFile(root + path, text);
    }
    await body(root);
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

const siblings = (masks: readonly string[]) =>
  Object.fromEntries(masks.map((mask, processor) => [
    `/sys/devices/system/cpu/cpu${processor}/topology/thread_siblings`,
    `${mask}\n`,
  ]));

Deno.test("cpu: hardware threads of one core count once", async () => {
  const masks = Array.from({ length: 12 }, (_, index) => (3 << (index & ~1)).toString(16));
  await withTree({ "/proc/cpuinfo": "flags : lm avx2\n", ...siblings(masks) }, async (root) => {
    assertEquals((await readCpuFeatures({ root })).threads, 6);
  });
});

Deno.test("cpu: of two kinds of core only the fast ones count", async () => {
  const masks = ["3", "3", "c", "c", "30", "30", "c0", "c0", "300", "300", "400", "800", "1000"];
  const tree = {
    "/proc/cpuinfo": "flags : lm avx2\n",
    "/sys/devices/cpu_core/cpus": "0-9\n",
    ...siblings(masks),
  };
  await withTree(tree, async (root) => {
    assertEquals((await readCpuFeatures({ root })).threads, 5);
  });
});

Deno.test("cpu: without a topology, half of many processors are cores", async () => {
  const text = Array.from({ length: 16 }, (_, index) => `processor : ${index}\n`).join("");
  await withTree({ "/proc/cpuinfo": `${text}flags : lm\n` }, async (root) => {
    assertEquals((await readCpuFeatures({ root })).threads, 8);
  });
});

Deno.test("cpu: a processor that nothing describes is an error that names --cpu", async () => {
  for (const tree of [{}, { "/proc/cpuinfo": "processor : 0\n" }]) {
    await withTree(tree, async (root) => {
      const error = await assertRejects(() => readCpuFeatures({ root }), BrainjarError);
      const { code, hint } = error as BrainjarError;
      assertEquals([code, hint], ["cpu-unreadable", "Name the CPU with --cpu"]);
    });
  }
});

Deno.test("cpu: each level of x86-64 has what the one before has", () => {
  const levels = ["x86-64", "x86-64-v2", "x86-64-v3", "x86-64-v4", "sapphire-rapids"]
    .map((name) => namedCpu(name, 4).features);
  levels.slice(1).forEach((level, index) => {
    for (const feature of levels[index] ?? []) assert(level.has(feature), feature);
  });
  assert(namedCpu("X86-64-V3", 4).features.has("avx2"), "case must not matter");
  assert(!namedCpu("x86-64-v2", 4).features.has("avx2"));
  assert(namedCpu("neoverse-v1", 4).features.has("i8mm"));
  assert(!namedCpu("neoverse-n1", 4).features.has("i8mm"));
});

Deno.test("cpu: an unknown name lists the known ones, and prototypes are no CPUs", () => {
  for (const name of ["pentium", "constructor", "__proto__", ""]) {
    const error = assertThrows(() => namedCpu(name, 4), BrainjarError) as BrainjarError;
    assertEquals([error.code, error.message], ["cpu-unknown", `Unknown CPU: '${name}'`]);
    for (const known of Object.keys(NAMED_CPUS)) assert(error.hint?.includes(known));
  }
});

const reported = (brand: string, flags = "") =>
  Promise.resolve({ brand, physicalCores: 8, performanceCores: 6, flags });

Deno.test("cpu: elsewhere, Apple's are known by brand and others by what they tell", async () => {
  const arm = async (brand: string) => (await readReportedCpu(() => reported(brand), "aarch64"));
  assertEquals((await arm("Apple M1 Pro")).features.has("i8mm"), false);
  assertEquals((await arm("M2")).features.has("i8mm"), true);
  assertEquals((await arm("Apple M7")).features.has("sme"), true);
  assertEquals((await arm("Snapdragon X")).features.has("i8mm"), true);
  const told = await readReportedCpu(() => reported("AMD", "sse2 AVX2"), "x86_64");
  assertEquals([told.features, told.threads], [new Set(["sse2", "avx2"]), 6]);
  const untold = await readReportedCpu(() => reported("Intel", "sse2 avx1.0"), "x86_64");
  assert(untold.features.has("avx2"));
});

Deno.test("cpu: elsewhere, no cores or a failure is an error", async () => {
  const reports = [
    () => Promise.resolve({ brand: "", physicalCores: 0, flags: "" }),
    () => Promise.reject(new Error("no such command")),
  ];
  for (const report of reports) {
    const error = await assertRejects(() => readReportedCpu(report, "x86_64"), BrainjarError);
    assertEquals((error as BrainjarError).code, "cpu-unreadable");
  }
});
