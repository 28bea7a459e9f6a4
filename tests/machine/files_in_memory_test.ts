import { assertEquals } from "@std/assert";
import { bytesInMemory, type FileStatus } from "../../src/machine/files_in_memory.ts";
import { fakeFiles } from "./fake_files.ts";

/** As Linux encodes it (sys/sysmacros.h, `makedev`). */
function device(major: number, minor: number): number {
  return Number(
    (BigInt(minor) & 0xffn) | ((BigInt(major) & 0xfffn) << 8n) | ((BigInt(minor) & ~0xffn) << 12n) |
      ((BigInt(major) & ~0xfffn) << 32n),
  );
}

const FILES = fakeFiles({
  "/proc/self/mountinfo": [
    "22 1 259:2 / / rw - ext4 /dev/sda1 rw",
    "23 22 0:25 / /dev/shm rw,nosuid - tmpfs tmpfs rw",
    "24 22 0:4321 / /models rw shared:7 - tmpfs none rw,size=8g",
    "25 22 0:31 / /ram rw - ramfs ramfs rw",
    "26 22 0:32 / /home rw - overlay overlay rw",
    "",
  ].join("\n"),
});

const KINDS: readonly [what: string, FileStatus | undefined, bytes: number][] = [
  ["on a disk", { dev: device(259, 2), size: 9000, blocks: 18 }, 0],
  ["in /dev/shm", { dev: device(0, 25), size: 9000, blocks: 24 }, 9000],
  ["on a tmpfs with a large number", { dev: device(0, 4321), size: 8192, blocks: 16 }, 8192],
  ["on a tmpfs, half of it a hole", { dev: device(0, 25), size: 8192, blocks: 8 }, 4096],
  ["on a ramfs, which counts no blocks", { dev: device(0, 31), size: 9000, blocks: 0 }, 9000],
  ["on an overlay", { dev: device(0, 32), size: 9000, blocks: 18 }, 0],
  ["on something that isn't mounted here", { dev: device(0, 99), size: 9000, blocks: 18 }, 0],
  ["nowhere", undefined, 0],
];

for (const [what, status, bytes] of KINDS) {
  Deno.test(`files in memory: a file ${what}`, () => {
    const found = bytesInMemory(["m.gguf"], FILES, () => {
      if (status === undefined) throw new Deno.errors.NotFound();
      return status;
    });
    assertEquals(found, bytes);
  });
}

Deno.test("files in memory: parts are summed", () => {
  const status = () => ({ dev: device(0, 25), size: 4096, blocks: 8 });
  assertEquals(bytesInMemory(["a", "b"], FILES, status), 8192);
});

Deno.test("files in memory: this machine's /dev/shm", async () => {
  const path = "/dev/shm/brainjar-test-" + crypto.randomUUID();
  try {
    await Deno.writeFile(path, new Uint8Array(10_000));
  } catch {
    return console.warn("files in memory: /dev/shm not tested, since it can't be written here");
  }
  try {
    assertEquals(bytesInMemory([path]), 10_000);
  } finally {
    await Deno.remove(path);
  }
});
