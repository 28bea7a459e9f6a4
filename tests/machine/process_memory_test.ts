import { assert, assertEquals, assertThrows } from "@std/assert";
import { BrainjarError } from "../../src/budget/error.ts";
import {
  parseProcessMemory,
  readChildrenAnonymousBytes,
  readProcessMemory,
  readProportionalMemory,
} from "../../src/machine/process_memory.ts";
import { fakeFiles } from "./fake_files.ts";

const STATUS = `Name:\tdeno
State:\tS (sleeping)
VmPeak:\t  9000 kB
VmHWM:\t    300 kB
VmPTE:\t     44 kB
VmRSS:\t    240 kB
RssAnon:\t    100 kB
RssFile:\t    120 kB
RssShmem:\t     20 kB
VmSwap:\t      8 kB
`;

Deno.test("process memory: each kind, the peak and what is swapped out", () => {
  assertEquals(parseProcessMemory(STATUS), {
    anonymousBytes: 100 * 1024,
    fileBytes: 120 * 1024,
    sharedBytes: 20 * 1024,
    residentBytes: 240 * 1024,
    peakResidentBytes: 300 * 1024,
    pageTableBytes: 44 * 1024,
    swappedBytes: 8 * 1024,
  });
});

Deno.test("process memory: a zombie, a kernel thread and a cut-off file have none", () => {
  for (const text of ["", "Name:\tdeno\nState:\tZ (zombie)\n", STATUS.slice(0, 90)]) {
    assertEquals(parseProcessMemory(text), undefined);
  }
});

Deno.test("process memory: a process that isn't there is an error, not a zero", () => {
  const trees = [{}, { "/proc/7/status": new Error("denied") }, { "/proc/7/status": "" }];
  for (const tree of trees) {
    const error = assertThrows(() => readProcessMemory(7, fakeFiles(tree)), BrainjarError);
    assertEquals((error as BrainjarError).code, "process-unreadable");
  }
});

Deno.test("process memory: proportional set size, with and without its parts", () => {
  const path = "/proc/self/smaps_rollup";
  const read = (text: string) => readProportionalMemory("self", fakeFiles({ [path]: text }));
  assertEquals(read("Rss: 9 kB\nPss: 7 kB\nPss_Anon: 4 kB\nPss_File: 3 kB\n"), {
    bytes: 7 * 1024,
    anonymousBytes: 4 * 1024,
    fileBytes: 3 * 1024,
  });
  assertEquals(read("Pss: 7 kB\nAnonymous: 5 kB\n")?.fileBytes, 2 * 1024);
  assertEquals(read("nonsense"), undefined);
  assertEquals(readProportionalMemory("self", fakeFiles({})), undefined);
});

Deno.test({
  name: "process memory: what this process takes shows up as anonymous",
  ignore: Deno.build.os !== "linux",
  fn: () => {
    const before = readProcessMemory();
    const taken = new Uint8Array(64 * 1024 ** 2).fill(7);
    const after = readProcessMemory();
    assert(after.anonymousBytes - before.anonymousBytes > 60 * 1024 ** 2);
    assert(after.peakResidentBytes >= after.residentBytes);
    assert((readProportionalMemory()?.bytes ?? 0) > taken.length);
  },
});

Deno.test("process memory: children of every thread count, those that ended meanwhile don't", () => {
  const files = fakeFiles({
    "/proc/self/task/7/children": "11 12 ",
    "/proc/self/task/8/children": "13 ",
    "/proc/self/task/9/comm": "V8 worker",
    "/proc/11/status": STATUS,
    "/proc/12/status": new Error("denied"),
    "/proc/13/status": STATUS,
  });
  assertEquals(readChildrenAnonymousBytes(files), 2 * 100 * 1024);
  assertEquals(readChildrenAnonymousBytes(fakeFiles({})), 0);
});
