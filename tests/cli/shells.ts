// Runs the shells themselves on their completion scripts.
import { COMPLETION_SCRIPTS } from "../../src/cli/commands/completions.ts";

/** Whether a program is on PATH. */
export async function installed(program: string): Promise<boolean> {
  try {
    const command = new Deno.Command(program, {
      args: ["--version"],
      stdin: "null",
      stdout: "null",
      stderr: "null",
    });
    await command.output();
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Files and folders beside the command line; names as people give them. */
const BOX = ["tiny.gguf", "my model.gguf", "it's.gguf", "notes.txt", "my folder/inner.gguf"];

type Asker = (lines: readonly string[], script: string, folder: string) => Promise<string[][]>;

const ASKERS: Readonly<Record<string, Asker>> = { bash: askBash, zsh: askZsh, fish: askFish };

/** What a shell offers after each of the lines, sorted; folders without their slash. */
export async function complete(shell: string, lines: readonly string[]): Promise<string[][]> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${folder}/box/my folder`, { recursive: true });
    for (const name of BOX) await Deno.writeTextFile(`${folder}/box/${name}`, "");
    const script = `${folder}/brainjar.${shell}`;
    await Deno.writeTextFile(script, COMPLETION_SCRIPTS[shell]?.() ?? "");
    const offers = await ASKERS[shell]?.(lines, script, folder) ?? [];
    return offers.map((found) => found.map((word) => word.replace(/\/$/, "")).sort());
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Runs a program in the box; what it says on stderr is an error. */
async function run(
  program: string,
  args: readonly string[],
  folder: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { stdout, stderr } = await new Deno.Command(program, {
    args: [...args],
    cwd: `${folder}/box`,
    clearEnv: true,
    env: {
      PATH: Deno.env.get("PATH") ?? "",
      HOME: folder,
      TERM: "xterm",
      LC_ALL: "C.UTF-8",
      ...env,
    },
    stdin: "null",
    // A shell that waits for somebody to type is killed.
    signal: AbortSignal.timeout(60_000),
  }).output();
  const said = new TextDecoder().decode(stderr);
  if (said !== "") throw new Error(`${program} says: ${said}`);
  return new TextDecoder().decode(stdout);
}

/** As bash cuts a line: at spaces, and around an equals sign. */
const WORDS = String.raw`
source "$1"
shift
for line in "$@"; do
  # Quotes and backslashes stay in the words, as readline leaves them there.
  COMP_WORDS=()
  word=
  for ((index = 0; index <= ${"${#line}"}; index++)); do
    letter=${"${line:index:1}"}
    case $letter in
      \\) word+=${"${line:index++:2}"} ;;
      " " | "") COMP_WORDS+=("$word"); word= ;;
      =) COMP_WORDS+=("$word" "="); word= ;;
      *) word+=$letter ;;
    esac
  done
  # Nothing typed after an equals sign is no word.
  [[ $line == *= ]] && unset 'COMP_WORDS[${"${#COMP_WORDS[@]}"} - 1]'
  COMP_CWORD=$((${"${#COMP_WORDS[@]}"} - 1))
  _brainjar brainjar
  ((${"${#COMPREPLY[@]}"})) && printf '%s\n' "${"${COMPREPLY[@]}"}"
  echo ";"
done
`;

async function askBash(
  lines: readonly string[],
  script: string,
  folder: string,
): Promise<string[][]> {
  return answers(await run("bash", ["--norc", "-c", WORDS, "bash", script, ...lines], folder));
}

async function askZsh(
  lines: readonly string[],
  script: string,
  folder: string,
): Promise<string[][]> {
  await Deno.copyFile(new URL("complete.zshrc", import.meta.url), `${folder}/.zshrc`);
  const terminal =
    "zmodload zsh/zpty; zpty shell zsh -d -i; while zpty -r shell line; do said+=$line; done; [[ -e $ANSWER ]] || print -r -- $said >&2";
  await run("zsh", ["-f", "-c", terminal], folder, {
    SCRIPT: script,
    ANSWER: `${folder}/answer`,
    LINES_TO_COMPLETE: lines.join("\n"),
  });
  // Escaped for the command line already.
  return answers((await Deno.readTextFile(`${folder}/answer`)).replaceAll("\\", ""));
}

async function askFish(
  lines: readonly string[],
  script: string,
  folder: string,
): Promise<string[][]> {
  const asking =
    "source $argv[1]; for line in $argv[2..-1]; complete --do-complete $line; echo ';'; end";
  const said = await run("fish", ["--no-config", "-c", asking, script, ...lines], folder);
  // Each is followed by what it means; a value after an equals sign comes with its flag.
  return answers(said.replaceAll(/\t.*/g, "").replaceAll(/^--[\w-]+=/gm, ""));
}

/** The matches before each line that is `;`. */
function answers(said: string): string[][] {
  const found = said.split(/^;\n/m).slice(0, -1);
  return found.map((part) => part.split("\n").filter((word) => word !== ""));
}
