import { assert, assertEquals, assertMatch } from "@std/assert";
import { boundedLines } from "../../src/jar_process/lines.ts";
import { type NodeOptions, startKubernetes } from "./kubernetes_server.ts";
import { commandOf, descendantsOf } from "./processes.ts";
import { brainjarArguments, brainjarCommand, DEMO_BRAIN, ROOT, runBrainjar } from "./program.ts";

// Jars in pods, by a real kubectl and as much of a cluster as it speaks with.

type Line = { readonly event: string } & Readonly<Record<string, unknown>>;

const RUN = [
  ...["run", "--seed", "11", "--max-tokens", "12", "--context-size", "256"],
  ...[...DEMO_BRAIN, "--allocation-headroom", "0", "--load-headroom", "0"],
];

/** What kubectl is told by its environment: no cluster of this user's. */
const NO_CLUSTER = { KUBECONFIG: "/dev/null" };

const ignore = Deno.build.os !== "linux" || !await hasKubectl();

async function hasKubectl(): Promise<boolean> {
  try {
    return (await new Deno.Command("kubectl", { args: ["version", "--client"] }).output()).success;
  } catch {
    return false;
  }
}

/** A cluster whose images have this brainjar. */
async function cluster(options: Omit<NodeOptions, "env"> = {}) {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-image-" });
  const words = [Deno.execPath(), ...brainjarArguments([])].map((word) => `'${word}'`).join(" ");
  await Deno.writeTextFile(`${folder}/brainjar`, `#!/bin/sh\ncd '${ROOT}'\nexec ${words} "$@"\n`);
  await Deno.chmod(`${folder}/brainjar`, 0o755);
  const env = { PATH: `${folder}:${Deno.env.get("PATH") ?? ""}` };
  const server = startKubernetes({ ...options, env });
  return {
    server,
    launcher: `kubernetes --server=${server.url} registry.example/brain:1`,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await Deno.remove(folder, { recursive: true });
    },
  };
}

Deno.test({
  name: "kubernetes: a pod out of memory and a kubectl that is killed are deaths; no pod is left",
  ignore,
  fn: async () => {
    // Who attaches so late has missed each jar's first line.
    await using here = await cluster({
      pullMilliseconds: 300,
      attachMilliseconds: 2_000,
      killsForMemory: true,
    });
    const { server, launcher } = here;
    const child = brainjarCommand([
      ...[...RUN, "--mode", "matrix", "--launcher", launcher, "--json", "--pace", "600"],
    ], { env: NO_CLUSTER }).spawn();
    const events: Line[] = [];
    const isBack = (cause: string) =>
      events.some(({ event, cause: of }) => event === "resurrection" && of === cause);
    let step = 0;
    for await (const line of boundedLines(child.stdout)) {
      events.push(JSON.parse(line));
      if (step === 0 && events.some(({ event, id }) => event === "thought" && id === "god")) {
        const clients = descendantsOf(child.pid).filter((id) =>
          /kubectl run brainjar-observer/.test(commandOf(id))
        );
        assertEquals([server.names().length, clients.length], [3, 1]);
        // All of them were submitted at once, in whichever order they came.
        const subject = server.names().find((name) => name.startsWith("brainjar-subject")) ?? "";
        Deno.kill(server.processIds.get(subject) ?? 0, "SIGKILL");
        Deno.kill(clients[0] ?? 0, "SIGKILL");
        step = 1;
      }
      if (step === 1 && isBack("out-of-memory") && isBack("killed")) {
        step = 2;
        child.kill("SIGINT");
      }
    }
    const [{ code }, stderr] = await Promise.all([
      child.status,
      new Response(child.stderr).text(),
    ]);
    assertEquals(code, 130, stderr);
    const deaths = events.filter(({ event }) => event === "death")
      .map(({ id, cause }) => `${id} ${cause}`);
    assert(deaths.includes("subject out-of-memory"), deaths.join());
    assert(deaths.includes("observer killed"), deaths.join());
    const end = events.at(-1);
    assertEquals([end?.event, end?.reservedBytes], ["end", 0]);
    assertEquals(server.created.length, 5);
    for (const { spec } of server.created) {
      assertEquals([spec.restartPolicy, spec.containers.length], ["Never", 1]);
      const [container] = spec.containers;
      assertEquals(container?.image, "registry.example/brain:1");
      assertEquals([container?.stdin, container?.stdinOnce], [true, true]);
      const { requests, limits } = container?.resources ?? {};
      assert(Number(limits?.memory) >= Number(requests?.memory), JSON.stringify(container));
    }
    // The client that was killed can't remove its pod: the run does.
    while (server.names().length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  },
});

Deno.test({
  name: "kubernetes: a pod that no node has room for is said in the scheduler's words, and removed",
  ignore,
  fn: async () => {
    const unschedulable = "0/3 nodes are available: 3 Insufficient memory.";
    await using here = await cluster({ unschedulable });
    const { code, stdout, stderr } = await runBrainjar([
      ...[...RUN, "--turns", "1", "--launcher", here.launcher, "--start-timeout", "4s", "--plain"],
    ], { env: NO_CLUSTER });
    assertEquals(code, 3, stdout + stderr);
    assertMatch(stdout, /didn't start 'subject' within 4 s\n.*Its queue says: 0\/3 nodes are av/);
    while (here.server.names().length > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  },
});

Deno.test({
  name: "kubernetes: a cluster that isn't there is said in kubectl's words",
  ignore,
  fn: async () => {
    const { code, stdout, stderr } = await runBrainjar([
      ...[...RUN, "--turns", "1", "--launcher", "kubernetes --server=http://127.0.0.1:9 brain:1"],
    ], { env: NO_CLUSTER });
    assertEquals(code, 3, stdout + stderr);
    assertMatch(stdout + stderr, /connection to the server 127\.0\.0\.1:9 was refused/);
  },
});
