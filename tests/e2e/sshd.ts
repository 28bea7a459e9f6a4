import { brainjarArguments, ROOT } from "./program.ts";

/** An ssh server of this user's own, with a brainjar on its side. */
export interface Sshd extends AsyncDisposable {
  readonly processId: number;
  readonly port: number;
  /** Words of `ssh` by which it lets this user in. */
  readonly options: string;
  /** `user@host` of it. */
  readonly host: string;
  /** Where its brainjar is: a path with spaces, which a shell has to read. */
  readonly brainjar: string;
  readonly folder: string;
}

const SSHD = "/usr/sbin/sshd";

/** Whether there are a server and a client. */
export function hasSsh(): boolean {
  return [SSHD, "/usr/bin/ssh", "/usr/bin/ssh-keygen"].every((path) => {
    try {
      return Deno.statSync(path).isFile;
    } catch {
      return false;
    }
  });
}

/** Starts one on a free port of this machine, with keys of its own. */
export async function startSshd(): Promise<Sshd> {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-ssh-" });
  for (const key of ["host", "user", "stranger"]) {
    await output("/usr/bin/ssh-keygen", [
      "-q",
      "-t",
      "ed25519",
      "-N",
      "",
      "-f",
      `${folder}/${key}`,
    ]);
  }
  // What a server that runs as root wants to have; packages make it when the machine starts.
  if (Deno.uid() === 0) await Deno.mkdir("/run/sshd", { recursive: true, mode: 0o755 });
  const bin = `${folder}/my programs`;
  await Deno.mkdir(bin);
  const words = [Deno.execPath(), ...brainjarArguments([])].map((word) => `'${word}'`).join(" ");
  await Deno.writeTextFile(`${bin}/brainjar`, `#!/bin/sh\ncd '${ROOT}'\nexec ${words} "$@"\n`);
  await Deno.chmod(`${bin}/brainjar`, 0o755);
  const port = freePort();
  await Deno.writeTextFile(
    `${folder}/config`,
    [
      `Port ${port}`,
      "ListenAddress 127.0.0.1",
      `HostKey ${folder}/host`,
      `AuthorizedKeysFile ${folder}/user.pub`,
      `PidFile ${folder}/pid`,
      "UsePAM no",
      "PasswordAuthentication no",
      "StrictModes no",
      "PermitRootLogin yes",
      "",
    ].join("\n"),
  );
  const hostKey = (await Deno.readTextFile(`${folder}/host.pub`)).trim();
  await Deno.writeTextFile(`${folder}/known`, `[127.0.0.1]:${port} ${hostKey}\n`);
  const server = new Deno.Command(SSHD, {
    args: ["-D", "-f", `${folder}/config`, "-E", `${folder}/log`],
    stdin: "null",
  }).spawn();
  const user = (await output("id", ["-un"])).trim();
  const log = () => Deno.readTextFile(`${folder}/log`).catch(() => "");
  while (!/Server listening/.test(await log())) {
    const ended = await Promise.race([server.status, wait(20)]);
    if (ended !== undefined) throw new Error(`No ssh server: ${await log()}`);
  }
  return {
    processId: server.pid,
    port,
    options: `-p ${port} -i ${folder}/user -o UserKnownHostsFile=${folder}/known ` +
      "-o IdentitiesOnly=yes -F none",
    host: `${user}@127.0.0.1`,
    brainjar: `"${bin}/brainjar" jar`,
    folder,
    async [Symbol.asyncDispose]() {
      server.kill("SIGTERM");
      await server.status;
      await Deno.remove(folder, { recursive: true });
    },
  };
}

/** A port that nobody listens on. */
export function freePort(): number {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  return port;
}

async function output(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await new Deno.Command(program, { args: [...args] }).output();
  return new TextDecoder().decode(stdout);
}

function wait(milliseconds: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), milliseconds));
}
