import { portable, type PortableOptions, runPortable, treesOf } from "./portable.ts";
import type { Finished } from "./program.ts";

/** Two users without accounts: who starts the file, and who would have a program of theirs run. */
export const VICTIM = 64_202;
export const OTHER = 64_201;

/** Where VICTIM's trees go when no folder is left that is named by the environment. */
export const OWN_PLACE = `/tmp/brainjar-cache-${VICTIM}`;

/** No start takes this long: one that waits for a pipe would never end. */
const SECONDS = "60";

/** A start's outcome, and whether what was planted was run by it. */
export interface Outcome extends Finished {
  readonly planted: boolean;
}

/** A folder for one test, with one that everybody may write as /tmp is, and a planted program. */
export class Scene {
  readonly #marker: string;

  private constructor(
    /** Root's own, which others may enter. */
    readonly folder: string,
    /** As /tmp: everybody's, where only owners remove what is theirs. */
    readonly shared: string,
    readonly file: string,
    readonly id: string,
    readonly checksum: string,
  ) {
    this.#marker = `${shared}/marker`;
  }

  static async set(): Promise<Scene> {
    const { file } = await portable();
    const folder = await Deno.makeTempDir({ prefix: "brainjar-planted-test-" });
    await Deno.chmod(folder, 0o755);
    const shared = `${folder}/shared`;
    await Deno.mkdir(shared);
    await Deno.chmod(shared, 0o1777);
    const head = new TextDecoder().decode((await Deno.readFile(file)).subarray(0, 2000));
    const value = (name: string) => new RegExp(`^${name}='(.*)'$`, "m").exec(head)?.[1] ?? "";
    return new Scene(folder, shared, file, value("id"), value("checksum"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await removeInTheEnd(this.folder);
    for (const place of [OWN_PLACE, `/dev/shm/brainjar-${VICTIM}`, `/tmp/brainjar-${VICTIM}`]) {
      await Deno.remove(place, { recursive: true }).catch(() => {});
    }
  }

  /** A folder with a mode, and an owner. */
  async makeFolder(path: string, owner: number, mode = 0o755): Promise<string> {
    await Deno.mkdir(path);
    await Deno.chown(path, owner, owner);
    await Deno.chmod(path, mode);
    return path;
  }

  /** What leaves the marker, as a program. */
  get program(): string {
    return `#!/bin/sh\necho planted >'${this.#marker}'\n`;
  }

  /** What leaves the marker, as a module. */
  get module(): string {
    return `require("node:fs").writeFileSync(${JSON.stringify(this.#marker)}, "planted");\n`;
  }

  /**
   * Puts a tree into a cache folder that is like one that was unpacked, times and all, but for its
   * program; answers with the tree.
   */
  async plant(cache: string, owner: number): Promise<string> {
    const [unpacked = ""] = treesOf((await portable()).cache);
    const tree = `${cache}/${this.id}.1`;
    await command(
      "sh",
      "-euc",
      `mkdir -p "$2/program/node_modules"
       for name in seal in-use deno; do cp -a "$1/$name" "$2/"; done
       for name in app fixtures LICENSE deno.json; do cp -a "$1/program/$name" "$2/program/"; done
       printf '%s' "$4" >"$2/program/brainjar"
       chmod 755 "$2/program/brainjar"
       touch -r "$1/program/LICENSE" "$2/program/brainjar" "$2/program/node_modules" "$2/program"
       echo "$5.1" >"$3/$5"
       chown -R "$6:$6" "$2" "$3/$5"`,
      "sh",
      ...[unpacked, tree, cache, this.program, this.id, `${owner}`],
    );
    return tree;
  }

  /** Starts the file as a user, and says whether the planted program was run. */
  async start(user: number, options: PortableOptions, ...args: string[]): Promise<Outcome> {
    const asUser = ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups"];
    const finished = await runPortable(this.file, args.length > 0 ? args : ["--version"], {
      ...options,
      wrapper: ["timeout", SECONDS, ...(options.wrapper ?? []), ...asUser],
    });
    const planted = await Deno.stat(this.#marker).then(() => true, () => false);
    if (planted) await Deno.remove(this.#marker);
    return { ...finished, planted };
  }
}

/** Runs a command that must succeed; answers with what it printed. */
export async function command(name: string, ...args: string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(name, { args }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return new TextDecoder().decode(stdout);
}

/** A shell that was killed may have a command left that puts something there once more. */
async function removeInTheEnd(folder: string): Promise<void> {
  for (let tries = 100; tries > 1; tries--) {
    try {
      return await Deno.remove(folder, { recursive: true });
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  await Deno.remove(folder, { recursive: true });
}
