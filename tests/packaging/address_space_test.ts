import { assertEquals } from "@std/assert";

const SCRIPTS = ["head.sh", "first_start.sh"].map((name) =>
  new URL(`../../src/packaging/portable/${name}`, import.meta.url)
);

/** The head of the one file, with this limit on its address space; it has no archive to unpack. */
async function startWith(kilobytes: number | string, ...args: string[]) {
  const template = (await Promise.all(SCRIPTS.map((url) => Deno.readTextFile(url)))).join("");
  const script = await Deno.makeTempFile({ suffix: ".sh" });
  const cache = await Deno.makeTempDir();
  try {
    await Deno.writeTextFile(script, template.replaceAll(/@[A-Z]+@/g, "1"));
    const { code, stdout, stderr } = await new Deno.Command("/bin/sh", {
      args: ["-c", `ulimit -v ${kilobytes}; exec sh "$0" "$@"`, script, ...args],
      env: { BRAINJAR_HOME: cache },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    const decoder = new TextDecoder();
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
  } finally {
    await Deno.remove(script);
    await Deno.remove(cache, { recursive: true });
  }
}

Deno.test({
  name: "address space: too little for the runtime is one sentence and exit code 3",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const { code, stdout, stderr } = await startWith(20_000_000, "check", "--json");
    assertEquals(code, 3);
    assertEquals(
      stderr.split("\n")[0],
      "error: The address space is limited to 19 GB (ulimit -v), too little to start",
    );
    assertEquals(stderr.split("\n").length, 3, stderr);
    assertEquals(JSON.parse(stdout).error.code, "address-space-too-small");
  },
});

Deno.test({
  name: "address space: enough of it, or no limit, is no failure of that kind",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    for (const limit of ["unlimited", 52_000_000]) {
      const { stdout } = await startWith(limit, "check", "--json");
      // The head alone has nothing to unpack.
      assertEquals(JSON.parse(stdout).error.code, "unpack-failed");
    }
  },
});
