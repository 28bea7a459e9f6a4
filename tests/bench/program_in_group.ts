import { brainjarArguments } from "../e2e/program.ts";
import { denoInGroup, type Place } from "./control_group.ts";

/** What a command printed, and how it ended. */
export interface Answer {
  readonly code: number;
  readonly signal: string | null;
  /** The lines of stdout that are JSON. */
  readonly lines: readonly Record<string, unknown>[];
  readonly stderr: string;
}

/** As much of stderr as says what was wrong. */
const STDERR_CHARACTERS = 300;

/** Has a command see no control groups: an empty file system lies over theirs. */
const HIDDEN = `unshare -m sh -c 'mount -t tmpfs none /sys/fs/cgroup && exec "$0" "$@"'`;

/** How brainjar is started in a group. */
export interface StartOptions {
  readonly env: Readonly<Record<string, string>>;
  /** Control groups are hidden from the program, in a mount namespace of its own. */
  readonly unseen?: boolean;
}

/** Starts brainjar, from its sources, as the only process of a group; answers once it has ended. */
export function startInGroup(
  { folder }: Place,
  args: readonly string[],
  { env, unseen = false }: StartOptions,
): { readonly pid: number; readonly answer: Promise<Answer> } {
  const child = denoInGroup(folder, brainjarArguments(args), {
    env: { NO_COLOR: "1", ...env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }, unseen ? HIDDEN : "").spawn();
  return { pid: child.pid, answer: answerOf(child) };
}

async function answerOf(child: Deno.ChildProcess): Promise<Answer> {
  const { code, signal, stdout, stderr } = await child.output();
  const decoder = new TextDecoder();
  const lines = decoder.decode(stdout).split("\n").flatMap((line): Record<string, unknown>[] => {
    try {
      return [JSON.parse(line)];
    } catch {
      return [];
    }
  });
  return { code, signal, lines, stderr: decoder.decode(stderr).slice(0, STDERR_CHARACTERS) };
}
