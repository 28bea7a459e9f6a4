import { assertEquals, assertMatch } from "@std/assert";
import { brainjarArguments, DEMO_BRAIN, runBrainjar } from "./program.ts";

// Jars that a socket starts, as units of systemd's do (brainjar plan --for systemd): socat in systemd's
// place, which starts a process for whoever connects.

const isThere = await new Deno.Command("socat", { args: ["-V"], stdout: "null", stderr: "null" })
  .output().then(({ success }) => success, () => false);

Deno.test({
  name: `socket: jars that sockets start talk, and end with their run${
    isThere ? "" : " (skipped: socat is not installed)"
  }`,
  ignore: !isThere,
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "brainjar-socket-" });
    const jar = `${folder}/jar`;
    const words = [Deno.execPath(), ...brainjarArguments(["jar"])];
    await Deno.writeTextFile(
      jar,
      `#!/bin/sh\nMALLOC_ARENA_MAX=1 ${words.map((word) => `'${word}'`).join(" ")}\n` +
        `echo "ended $?" >> '${folder}/ended'\n`,
    );
    await Deno.chmod(jar, 0o755);
    const path = `${folder}/jar.socket`;
    const listener = new Deno.Command("socat", {
      args: ["-t", "60", `UNIX-LISTEN:${path},fork`, `EXEC:${jar}`],
      stdin: "null",
      stdout: "null",
      stderr: "inherit",
    }).spawn();
    try {
      while (!await isSocket(path)) await new Promise((resolve) => setTimeout(resolve, 20));
      const { code, stdout, stderr } = await runBrainjar([
        ...["run", "--mode", "matrix", "--seed", "11", "--max-tokens", "12", "--turns", "2"],
        ...[...DEMO_BRAIN, "--context-size", "256", "--allocation-headroom", "0"],
        ...["--load-headroom", "0", "--launcher", `socket ${path}`],
      ]);
      assertEquals(code, 0, stderr + stdout);
      assertMatch(stdout, /2 turns, 6 thoughts, \d+ tokens, 0 deaths/);
      assertMatch(stdout, /still reserved: 0 bytes/);
      while ((await endedIn(folder)).length < 3) {
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
      assertEquals(await endedIn(folder), ["ended 0", "ended 0", "ended 0"]);
    } finally {
      listener.kill();
      await listener.status;
      await Deno.remove(folder, { recursive: true });
    }
  },
});

async function isSocket(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

async function endedIn(folder: string): Promise<string[]> {
  const text = await Deno.readTextFile(`${folder}/ended`).catch(() => "");
  return text.split("\n").filter((line) => line !== "");
}
