import { assert, assertEquals, assertMatch } from "@std/assert";
import { DEMO_BRAIN, runBrainjar } from "./program.ts";

// Two processes never reserve the same memory: what one has, the next one doesn't see.

Deno.test("check --reserve holds memory that the next check doesn't have, until it is released", async () => {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-reserve-" });
  await Deno.chmod(folder, 0o700);
  const env = { XDG_RUNTIME_DIR: folder };
  try {
    const available = async () => {
      const { stdout } = await runBrainjar(["memory", "--json"], { env });
      return JSON.parse(stdout) as { promisedBytes: number; promises: unknown[] };
    };
    assertEquals((await available()).promisedBytes, 0);
    const limit = ["--ram-limit-subject", "256MB"];
    const held = await runBrainjar(
      ["check", ...DEMO_BRAIN, "--quiet", "--reserve", "1m", ...limit],
      { env },
    );
    assertEquals(held.code, 0, held.stderr);
    const token = held.stdout.trim();
    assertMatch(token, /^[0-9a-f]{16,}$/);
    const during = await available();
    assertEquals(during.promisedBytes, 256 * 1024 ** 2);
    assertEquals(during.promises.length, 1);

    const released = await runBrainjar(["release", token], { env });
    assertEquals(released.code, 0);
    assertEquals((await available()).promisedBytes, 0);
    const again = await runBrainjar(["release", token], { env });
    assertEquals(again.code, 2);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("check --reserve: what doesn't fit holds nothing", async () => {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-reserve-" });
  await Deno.chmod(folder, 0o700);
  const env = { XDG_RUNTIME_DIR: folder };
  try {
    const { code, stdout } = await runBrainjar(
      ["check", ...DEMO_BRAIN, "--quiet", "--reserve", "1m", "--ram-limit-subject", "9000"],
      { env },
    );
    assertEquals({ code, stdout }, { code: 1, stdout: "" });
    const { stdout: memory } = await runBrainjar(["memory", "--json"], { env });
    assertEquals(JSON.parse(memory).promises, []);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("runs started at once: no more are admitted than their memory allows", async () => {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-reserve-" });
  await Deno.chmod(folder, 0o700);
  try {
    const { stdout } = await runBrainjar(["memory", "--json"]);
    const { availableBytes, totalBytes } = JSON.parse(stdout);
    // Each asks for a quarter of what may be given out, so that three fit and a fourth doesn't.
    const each = Math.floor(Math.min(availableBytes * 0.95, totalBytes * 0.85) / 3.5);
    const runs = await Promise.all(Array.from({ length: 5 }, () =>
      runBrainjar([
        ...["run", "--turns", "40", "--max-tokens", "64", "--context-size", "4096", "--json"],
        ...["--allocation-headroom", "0", "--load-headroom", "0"],
        ...["--ram-limit-subject", `${each}B`],
      ], { env: { XDG_RUNTIME_DIR: folder } })));
    const codes = runs.map((run) => run.code);
    assert(codes.every((code) => code === 0 || code === 1), codes.join());
    assert(codes.filter((code) => code === 0).length >= 3, codes.join());
    for (const run of runs) {
      const end = JSON.parse(run.stdout.trim().split("\n").at(-1) ?? "");
      assertEquals(end.event, "end");
      assertEquals(end.reservedBytes, 0);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
