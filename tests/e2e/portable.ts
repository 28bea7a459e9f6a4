import { assertEquals } from "@std/assert";
import { type Finished, ROOT } from "./program.ts";

const decoder = new TextDecoder();

/** Where the portable file of this test run is, and a folder for what its tests make. */
export interface Portable {
  /** Alone in an empty folder that is no part of the project. */
  readonly file: string;
  readonly folder: string;
  /** What its first start unpacked, for tests that don't change it. */
  readonly cache: string;
}

let made: Promise<Portable> | undefined;

/** Builds the portable file once for all tests. */
export function portable(): Promise<Portable> {
  made ??= build();
  return made;
}

async function build(): Promise<Portable> {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-portable-test-" });
  addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
  const built = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "-A", `${ROOT}src/packaging/portable.ts`, `${folder}/built/brainjar`],
    stdout: "piped",
    stderr: "piped",
  }).output();
  assertEquals(built.code, 0, decoder.decode(built.stderr));
  await Deno.mkdir(`${folder}/empty`);
  // Other users run it too.
  await Deno.chmod(folder, 0o755);
  await Deno.rename(`${folder}/built/brainjar`, `${folder}/empty/brainjar`);
  const file = `${folder}/empty/brainjar`;
  const cache = `${folder}/cache`;
  assertEquals((await runPortable(file, ["--version"], { cache })).code, 0);
  return { file, folder, cache };
}

/** How the portable file is run: in an empty environment but for what is named here. */
export interface PortableOptions {
  /** BRAINJAR_HOME; none leaves it to the file to find a place. */
  readonly cache?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Commands before it, such as `unshare -n`. */
  readonly wrapper?: readonly string[];
}

/** The command that runs the portable file. */
export function portableCommand(
  file: string,
  args: readonly string[],
  { cache, env = {}, wrapper = [] }: PortableOptions = {},
): Deno.Command {
  const [program, ...words] = [
    ...wrapper,
    ...["env", "-i"],
    ...(cache === undefined ? [] : [`BRAINJAR_HOME=${cache}`]),
    ...Object.entries(env).map(([name, value]) => `${name}=${value}`),
    ...[file, ...args],
  ];
  return new Deno.Command(program ?? "env", {
    args: words,
    cwd: file.slice(0, file.lastIndexOf("/")),
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs the portable file to its end. */
export async function runPortable(
  file: string,
  args: readonly string[],
  options: PortableOptions = {},
): Promise<Finished> {
  const start = performance.now();
  const { code, stdout, stderr } = await portableCommand(file, args, options).output();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
    milliseconds: performance.now() - start,
  };
}

/** The trees in a cache folder, unpacked or half unpacked. */
export function treesOf(cache: string): string[] {
  return [...Deno.readDirSync(cache)].filter((entry) => entry.isDirectory).map((entry) =>
    `${cache}/${entry.name}`
  );
}

/** Whether this process may make namespaces of its own: mounts and networks that end with it. */
export function mayUnshare(): boolean {
  try {
    return new Deno.Command("unshare", {
      args: ["-n", "-m", "mount", "--make-rprivate", "/"],
      stdout: "null",
      stderr: "null",
    }).outputSync().success;
  } catch {
    return false;
  }
}

/**
 * A wrapper without a network, where nothing can be written but `writable` and the folder of the
 * ledger, which is a new one.
 */
export function sandbox(writable: string | undefined): string[] {
  const own = "/tmp/brainjar-$(id -u)";
  return [
    "unshare",
    "-n",
    "-m",
    "sh",
    "-euc",
    [
      "mount --make-rprivate /",
      "if [ -d /dev/shm ]; then mount -t tmpfs -o mode=1777 none /dev/shm; fi",
      "if [ -d /run/user ]; then mount -t tmpfs none /run/user; fi",
      `mkdir -p -m 700 "${own}"`,
      `mount -t tmpfs -o mode=700 none "${own}"`,
      ...(writable === undefined ? [] : [`mount --bind '${writable}' '${writable}'`]),
      "mount -o remount,bind,ro /",
      'exec "$@"',
    ].join("\n"),
    "sh",
  ];
}
