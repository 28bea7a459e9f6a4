import { assert, assertEquals, assertMatch } from "@std/assert";
import { boundedLines } from "../../src/jar_process/lines.ts";
import { commandOf, descendantsOf, isJar, jarsOf } from "./processes.ts";
import { brainjarCommand, DEMO_BRAIN, runBrainjar } from "./program.ts";
import { freePort, hasSsh, startSshd } from "./sshd.ts";

// Jars on another machine by ssh: this one, by a real server and a real client.

type Line = { readonly event: string } & Readonly<Record<string, unknown>>;

const RUN = [
  ...["run", "--seed", "11", "--max-tokens", "12", "--context-size", "256"],
  ...[...DEMO_BRAIN, "--allocation-headroom", "0", "--load-headroom", "0"],
];

const ignore = Deno.build.os !== "linux" || !hasSsh();

Deno.test({
  name: "ssh: a client that is killed and a connection that is cut are deaths, and nothing is left",
  ignore,
  fn: async () => {
    await using sshd = await startSshd();
    const launcher = `ssh ${sshd.options} ${sshd.host} -- ${sshd.brainjar}`;
    const child = brainjarCommand([
      ...[...RUN, "--mode", "matrix", "--launcher", launcher, "--json", "--pace", "600"],
    ]).spawn();
    const events: Line[] = [];
    const jars = new Set<number>();
    const isBack = (cause: string) =>
      events.some(({ event, cause: of }) => event === "resurrection" && of === cause);
    const jarsThere = () => jarsOf(sshd.processId);
    let step = 0;
    for await (const line of boundedLines(child.stdout)) {
      events.push(JSON.parse(line));
      if (step === 0 && events.some(({ event, id }) => event === "thought" && id === "god")) {
        const clients = descendantsOf(child.pid).filter((id) =>
          /^(\S*\/)?ssh /.test(commandOf(id))
        );
        const sessions = descendantsOf(sshd.processId)
          .filter((id) => /^sshd: .*@notty$/.test(commandOf(id)));
        assertEquals([clients.length, sessions.length], [3, 3]);
        for (const id of jarsThere()) jars.add(id);
        Deno.kill(clients[0] ?? 0, "SIGKILL");
        Deno.kill(sessions[1] ?? 0, "SIGKILL");
        step = 1;
      }
      if (step === 1 && isBack("killed") && isBack("exited")) {
        for (const id of jarsThere()) jars.add(id);
        step = 2;
        child.kill("SIGINT");
      }
    }
    const [{ code }, stderr] = await Promise.all([
      child.status,
      new Response(child.stderr).text(),
    ]);
    assertEquals(code, 130, stderr);
    const end = events.at(-1);
    assertEquals([end?.event, end?.reservedBytes], ["end", 0]);
    const detail = events.find(({ event, cause }) => event === "death" && cause === "exited")
      ?.detail;
    assertMatch(String(detail), /^exit code 255: Connection to 127\.0\.0\.1 closed by remote host/);
    assert(jars.size >= 5, `${jars.size} processes were jars`);
    // Their stdin is closed, and that is all they need.
    while ([...jars].some(isJar)) await new Promise((resolve) => setTimeout(resolve, 50));
  },
});

Deno.test({
  name: "ssh: what keeps a jar from starting there is said in ssh's or the shell's words",
  ignore,
  fn: async () => {
    await using sshd = await startSshd();
    const { options, host, folder, brainjar } = sshd;
    const said: readonly [launcher: string, words: RegExp][] = [
      [`ssh ${options} ${host} -- /opt/none jar`, /code 127: .*\/opt\/none.*can be said after --/],
      [`ssh -o UserKnownHostsFile=/dev/null ${options} ${host}`, /Host key verification failed/],
      [`ssh -i ${folder}/stranger ${options.replace(/-i \S+/, "")} ${host}`, /Permission denied/],
      [`ssh -p ${freePort()} 127.0.0.1`, /port \d+: Connection refused/],
      [`ssh ${options} ${host} -- echo Welcome; ${brainjar}`, /"Welcome"; what comes before/],
      [`ssh ${options} ${host} -- exit 0`, /exit code 0; what was started is no brainjar jar/],
      [`ssh ${options} ${host} -- cat`, /no such "answer": "\{"ask":"hello"/],
    ];
    for (const [launcher, words] of said) {
      const { code, stdout } = await runBrainjar([
        ...[...RUN, "--mode", "single", "--turns", "1", "--launcher", launcher, "--plain"],
      ]);
      assertEquals(code, 3, stdout);
      assertMatch(stdout, words);
      assertMatch(stdout, /still reserved: 0 bytes/);
    }
  },
});
