/** What a run of the program left behind. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly milliseconds: number;
}

/** How the program is run; the project's own sources unless told otherwise. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** The project's root folder. */
export const ROOT = new URL("../..", import.meta.url).pathname;

/** The model that brainjar carries, for a command that nobody at a terminal asks. */
export const DEMO_BRAIN: readonly string[] = ["--model", `${ROOT}fixtures/demo-brain.gguf`];

const decoder = new TextDecoder();

/** What Deno is given to run brainjar from its sources. */
export function brainjarArguments(args: readonly string[]): string[] {
  return ["run", "-q", `--config=${ROOT}deno.json`, "-P=brainjar", `${ROOT}main.ts`, ...args];
}

/** The command that runs brainjar from its sources, as the README's tasks do. */
export function brainjarCommand(args: readonly string[], options: RunOptions = {}): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: brainjarArguments(args),
    cwd: options.cwd ?? ROOT,
    env: { NO_COLOR: "1", ...options.env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs brainjar to its end. */
export async function runBrainjar(
  args: readonly string[],
  options: RunOptions = {},
): Promise<Finished> {
  const start = performance.now();
  const { code, stdout, stderr } = await brainjarCommand(args, options).output();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
    milliseconds: performance.now() - start,
  };
}
