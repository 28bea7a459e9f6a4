import { assert, assertEquals, assertMatch } from "@std/assert";
import { DEMO_BRAIN, runBrainjar } from "./program.ts";

// Two processes never reserve the same memory: what one has, the next one doesn't see.

Deno.test("check --reserve holds memory that the next check doesn't have, until it is released", async () => {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-reserve-" });
  await Deno.chmod(folder, 0o700);
  const env = { BRAINJAR_LEDGER: folder };
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

Deno.test("run --token takes over what check --reserve holds, and gives it back", async () => {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-reserve-" });
  await Deno.chmod(folder, 0o700);
  const env = { BRAINJAR_LEDGER: folder };
  try {
    const { stdout } = await runBrainjar(["memory", "--json"], { env });
    // So much that it isn't there twice.
    const { availableBytes, totalBytes } = JSON.parse(stdout);
    const limit = Math.floor(Math.min(availableBytes * 0.6, totalBytes * 0.6));
    const wanted = [...DEMO_BRAIN, "--ram-limit-subject", `${limit}B`];
    const rest = ["--allocation-headroom", "0", "--load-headroom", "0"];
    const held = await runBrainjar(
      ["check", ...wanted, ...rest, "--quiet", "--reserve", "1m"],
      { env },
    );
    assertEquals(held.code, 0, held.stderr);
    const run = ["run", ...wanted, ...rest, "--turns", "1"];
    assertEquals((await runBrainjar(run, { env })).code, 1);
    // What fails before a jar gets in leaves the token.
    const failing = ["--token", held.stdout.trim(), "--model-subject", `${folder}/none.gguf`];
    assertEquals((await runBrainjar([...run, ...failing], { env })).code, 2);
    const token = ["--token", held.stdout.trim()];
    const taken = await runBrainjar([...run, ...token], { env });
    assertEquals(taken.code, 0, taken.stdout + taken.stderr);
    const after = JSON.parse((await runBrainjar(["memory", "--json"], { env })).stdout);
    assertEquals(after.promises, []);
    const again = await runBrainjar([...run, ...token], { env });
    assertEquals(again.code, 2);
    assertMatch(again.stderr, /No reservation has the token/);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("memory answers without a ledger that it can't trust, and says so", async () => {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-reserve-" });
  try {
    await Deno.chmod(folder, 0o777);
    const env = { BRAINJAR_LEDGER: folder };
    const { code, stdout } = await runBrainjar(["memory", "--json"], { env });
    const { totalBytes, warnings } = JSON.parse(stdout);
    assertEquals([code, totalBytes > 0], [0, true]);
    assertEquals(
      warnings.map((warning: { code: string }) => warning.code).includes("ledger-not-ours"),
      true,
    );
    assertEquals((await runBrainjar(["check", ...DEMO_BRAIN], { env })).code, 3);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("check --reserve: what doesn't fit holds nothing", async () => {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-reserve-" });
  await Deno.chmod(folder, 0o700);
  const env = { BRAINJAR_LEDGER: folder };
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
      ], { env: { BRAINJAR_LEDGER: folder } })));
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
