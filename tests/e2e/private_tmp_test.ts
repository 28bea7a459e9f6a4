import { assertEquals } from "@std/assert";
import { ROOT } from "./program.ts";

// Services of one user have a /tmp of their own each, and no session: they reserve in one ledger all
// the same. Mount namespaces need root.

const MIB = 1024 ** 2;

/** Runs a script in a mount namespace; answers its output. */
async function inNamespace(script: string): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command("unshare", {
    args: ["-m", "sh", "-euc", script],
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const [text = "", error = ""] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assertEquals([code, error], [0, ""]);
  return text;
}

async function canUnshare(): Promise<boolean> {
  if (Deno.build.os !== "linux" || Deno.uid() !== 0) return false;
  try {
    const args = ["-m", "sh", "-c", "mount --make-rprivate / && mount -t tmpfs none /tmp"];
    return (await new Deno.Command("unshare", { args, stderr: "null" }).output()).success;
  } catch {
    return false;
  }
}

/**
 * What a script does with the program, its cache and its runtime under /run, where none of them lies
 * under a /tmp that will be hidden. /run and /dev/shm are new: no real ledger is touched.
 */
async function withNewRun(script: string): Promise<string> {
  const info = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { denoDir } = JSON.parse(new TextDecoder().decode(info.stdout));
  return await inNamespace(`
    mount --make-rprivate /
    mkdir -p /mnt && mount -t tmpfs -o mode=755 none /mnt && cd /mnt && touch deno
    mkdir src cache cache/npm && chmod 1777 cache
    # Deno's folder may be for its owner alone; the packages in it are for everybody.
    mount --bind '${ROOT}' src && mount --bind '${denoDir}/npm' cache/npm
    mount --bind '${Deno.execPath()}' deno
    mount -t tmpfs -o mode=755 none /run && mount -t tmpfs -o mode=1777 none /dev/shm
    unset XDG_RUNTIME_DIR
    service() { # service MOUNTS USER ARGUMENTS…
      mounts=$1 user=$2; shift 2
      unshare -m sh -euc "mount -t tmpfs -o mode=1777 none /tmp; $mounts"'
        user=$1; shift
        exec env -u HOME DENO_DIR=/mnt/cache setpriv --reuid $user --regid $user --clear-groups \\
          /mnt/deno run -q --config=/mnt/src/deno.json -A /mnt/src/main.ts "$@"' sh "$user" "$@"
    }
    ${script}`);
}

const RESERVE = `check --model /mnt/src/fixtures/demo-brain.gguf --quiet --reserve 10m \\
  --safety-margin 0 --allocation-headroom 0 --load-headroom 0 --ram-limit-subject 256MB`;

const READ_ONLY_RUN = "mount -o remount,ro /run";

const ignore = !await canUnshare();

for (const user of [0, 12345]) {
  Deno.test({
    name: `ledger: services with a /tmp of their own see each other's reservations (user ${user})`,
    ignore,
    fn: async () => {
      const memory = await withNewRun(`
        service : ${user} ${RESERVE} >/dev/null
        service : ${user} memory --json`);
      assertEquals(JSON.parse(memory).promisedBytes, 256 * MIB);
    },
  });
}

Deno.test({
  name: "ledger: a service that may not write /run and one that may see each other",
  ignore,
  fn: async () => {
    const answers = await withNewRun(`
      service '${READ_ONLY_RUN}' 0 ${RESERVE} >/dev/null
      service : 0 memory --json
      service : 0 ${RESERVE} >/dev/null
      service '${READ_ONLY_RUN}' 0 memory --json`);
    const promised = answers.trim().split("\n").map((line) => JSON.parse(line).promisedBytes);
    assertEquals(promised, [256 * MIB, 512 * MIB]);
  },
});

Deno.test({
  name: "ledger: services with runtime folders of their own see each other's reservations",
  ignore,
  fn: async () => {
    const runtime = (name: string) =>
      `mkdir -pm 700 /run/${name}; export XDG_RUNTIME_DIR=/run/${name}`;
    const memory = await withNewRun(`
      service '${runtime("one")}' 0 ${RESERVE} >/dev/null
      service '${runtime("two")}' 0 memory --json
      service : 0 memory --json`);
    const promised = memory.trim().split("\n").map((line) => JSON.parse(line).promisedBytes);
    assertEquals(promised, [256 * MIB, 256 * MIB]);
  },
});

Deno.test({
  name: "ledger: other users' reservations aren't seen, and memory says where it looks",
  ignore,
  fn: async () => {
    const text = await withNewRun(`
      service : 0 ${RESERVE} >/dev/null
      service : 12345 memory`);
    assertEquals(text.includes("Reserved by brainjar"), false);
    assertEquals(text.includes("  /dev/shm/brainjar-12345\n"), true);
    assertEquals(text.includes("Not seen: what other users reserve"), true);
  },
});
