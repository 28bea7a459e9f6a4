import { BrainjarError } from "../budget/error.ts";
import { formatAmount } from "../budget/size.ts";
import { COORDINATOR_BYTES } from "../jar_process/own_limit.ts";
import { JAR_ENVIRONMENT } from "../jar_process/launchers/asked_of.ts";
import { printable } from "../report/printable.ts";
import { apart, type Asked, askedBy, checkWords, launcherWords } from "./figures.ts";
import type { Job, JobFile, JobJar } from "./job.ts";

/** Where systemd looks for what a user wrote. */
const FOLDER = "~/.config/systemd/user";

/**
 * Units of a user's systemd: a socket for each jar, which starts the jar's process for whoever
 * connects, and a service for the run.
 */
export function systemdFiles(job: Job): JobFile[] {
  const asked = job.jars.map((jar) =>
    askedBy(`socket %t/brainjar/${jar.demand.id}.socket`, jar, job)
  );
  const started = launcherWords(job, asked);
  const specified = asked.map(({ launcher }) => launcher);
  const sockets = job.jars.map(({ demand: { id } }) => `brainjar-${id}.socket`);
  return [
    ...job.jars.flatMap((jar, at) => {
      const mine = asked[at];
      return mine === undefined ? [] : unitsOf(job, jar, mine);
    }),
    file("brainjar.service", [
      `# brainjar ${job.version}: ${apart(job.jars.length, "process")}, and a run`,
      `# made by: ${printable(job.typed)}`,
      "# started by: systemctl --user daemon-reload, then",
      "# systemctl --user start brainjar.service; told by: journalctl --user --follow --unit brainjar",
      "# brainjar is found in /usr/local/bin, /usr/bin or /bin, socat beside it.",
      `# The run itself holds some ${
        formatAmount(COORDINATOR_BYTES)
      } and no model: it has no limit.`,
      "[Unit]",
      "Description=brainjar: the run",
      `Requires=${sockets.join(" ")}`,
      `After=${sockets.join(" ")}`,
      "",
      "[Service]",
      "Type=exec",
      ...environment(),
      "# All jars together on this machine, before the first is started.",
      `ExecStartPre=${unitCommand(["brainjar", "check", ...job.checked, ...started], specified)}`,
      `ExecStart=${unitCommand(["brainjar", "run", ...job.run, ...started], specified)}`,
    ]),
  ];
}

function unitsOf(job: Job, jar: JobJar, asked: Asked): JobFile[] {
  const { id } = jar.demand;
  return [
    file(`brainjar-${id}.socket`, [
      "[Unit]",
      `Description=brainjar: whoever connects has the jar '${id}'`,
      "",
      "[Socket]",
      `ListenStream=%t/brainjar/${id}.socket`,
      "SocketMode=0600",
      "DirectoryMode=0700",
      "Accept=yes",
    ]),
    file(`brainjar-${id}@.service`, [
      ...asked.why.map((line) => `# ${line}`),
      "[Unit]",
      `Description=brainjar: the jar '${id}'`,
      "CollectMode=inactive-or-failed",
      "",
      "[Service]",
      "Type=exec",
      ...environment(),
      "StandardInput=socket",
      "StandardOutput=socket",
      "StandardError=journal",
      `MemoryMax=${asked.limitBytes}`,
      "MemorySwapMax=0",
      `MemoryLow=${asked.requestBytes}`,
      "# Where the jar will live, before anything is loaded; what it says is for the journal.",
      `ExecStartPre=${
        unitCommand(["/bin/sh", "-c", 'exec "$0" "$@" >&2', ...checkWords(job, jar, asked)])
      }`,
      "ExecStart=brainjar jar",
      "TimeoutStopSec=60",
    ]),
  ];
}

function environment(): string[] {
  return Object.entries(JAR_ENVIRONMENT).map(([name, value]) => `Environment=${name}=${value}`);
}

function file(name: string, lines: readonly string[]): JobFile {
  return { name, text: [`# ${FOLDER}/${name}`, ...lines, ""].join("\n") };
}

/**
 * A command as a unit has it: each word in quotes where it needs them, with nothing in it that systemd
 * puts something else for.
 *
 * @param specified words whose specifiers (`%t`) are meant
 * @throws {BrainjarError} `unit-word`: a code point that is no character
 *
 * @example
 * ```ts
 * import { unitCommand } from "./systemd.ts";
 * const line = unitCommand(["brainjar", "check", "--model", "50% of $it.gguf"]);
 * if (line !== 'brainjar check --model "50%% of $$it.gguf"') throw new Error(line);
 * ```
 */
export function unitCommand(
  words: readonly string[],
  specified: readonly string[] = [],
): string {
  return words.map((word) => unitWord(word, specified.includes(word))).join(" ");
}

/**
 * Code points that are no characters: systemd takes a line that holds one for no UTF-8, and leaves it
 * out (its `unichar_is_valid`).
 */
const NO_CHARACTER = /\p{Noncharacter_Code_Point}/u;

function unitWord(word: string, isSpecified: boolean): string {
  const none = NO_CHARACTER.exec(word)?.[0];
  if (none !== undefined) {
    throw new BrainjarError(
      "unit-word",
      `systemd reads no unit with this in it: ${printable(word)}`,
      {
        hint: `Give the file a name without U+${none.codePointAt(0)?.toString(16).toUpperCase()}`,
      },
    );
  }
  const plain = isSpecified ? word : word.replaceAll("%", "%%");
  const text = plain.replaceAll("$", "$$$$");
  if (/^[\w@%+=:,./$-]+$/.test(text)) return text;
  const escaped = [...text].map((character) => {
    if (character === "\\" || character === '"') return `\\${character}`;
    return printable(character) === character ? character : bytesOf(character);
  });
  return `"${escaped.join("")}"`;
}

function bytesOf(character: string): string {
  return [...new TextEncoder().encode(character)]
    .map((byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join("");
}
