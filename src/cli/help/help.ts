import { type CommandName, COMMANDS } from "../flags/commands.ts";
import { EXIT_CODES } from "../../budget/exit_codes.ts";
import { defaultText, type FlagDefinition, flagsOf, valuePlaceholder } from "../flags/flags.ts";

/** Columns of help when it isn't told how wide the terminal is. */
const HELP_WIDTH = 90;

const EXIT_CODES_LINE = `Exit codes: ${
  Object.values(EXIT_CODES).map(({ code, means }) => `${code} ${means}`).join("; ")
}.`;

/** What brainjar is for, as a sentence. */
export const PURPOSE =
  "brainjar keeps several language models in one machine's memory without being killed for it: it estimates each from its header, validates the sum against what the machine really has, and only then loads and runs them.";

/** What a SIZE is. */
export const SIZES =
  "A SIZE is a number of GB (8, 1.5) or has a unit (512MB, 1.5GiB, 900000000B); 1 GB is 1024³ bytes.";

/** What JAR stands for in a per-jar flag. */
export const JARS =
  "JAR is subject, observer or god; peer_a or peer_b in mode peer (subject names both); or a jar's name from the jar file.";

/** `brainjar --help`. Ends with a newline. */
export function renderOverview(): string {
  const width = Math.max(...COMMANDS.map((command) => command.name.length));
  return [
    ...wrap(PURPOSE, HELP_WIDTH),
    "",
    "Usage: brainjar COMMAND [FLAGS]",
    "",
    "Commands:",
    ...COMMANDS.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`),
    "",
    "Start with:",
    "  brainjar run --mode matrix --turns 3      three minds on the demo brain inside brainjar",
    "  brainjar check --mode matrix --model m.gguf; echo $?",
    "",
    "brainjar COMMAND --help tells what each takes; brainjar --version says which this is.",
    "",
    ...wrap(EXIT_CODES_LINE, HELP_WIDTH),
    "",
  ].join("\n");
}

/** `brainjar COMMAND --help`. Ends with a newline. */
export function renderCommandHelp(name: CommandName): string {
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command === undefined) throw new RangeError(`No command named "${name}"`);
  const flags = flagsOf(name);
  const lines = [
    `${command.summary}.`,
    "",
    `Usage: brainjar ${name}${command.operands && ` ${command.operands}`} [FLAGS]`,
    "",
    ...command.description.flatMap((paragraph) => [...wrap(paragraph, HELP_WIDTH), ""]),
    "Flags:",
    ...flags.flatMap(renderFlag),
    "",
  ];
  if (flags.some((flag) => flag.perJar)) {
    lines.push(...wrap(JARS, HELP_WIDTH));
  }
  if (flags.some((flag) => flag.type === "size")) lines.push(...wrap(SIZES, HELP_WIDTH));
  lines.push(...wrap(EXIT_CODES_LINE, HELP_WIDTH), "", "Examples:");
  for (const [line, does] of Object.entries(command.examples)) {
    lines.push(`  brainjar ${line}`, `      ${does}`);
  }
  return lines.join("\n") + "\n";
}

/** How a flag is written: `--ram-limit-JAR SIZE`, `--json`. */
export function flagUsage(flag: FlagDefinition): string {
  const name = `--${flag.name}${flag.perJar ? "-JAR" : ""}`;
  if (flag.type === "switch") return name;
  return `${name} ${valuePlaceholder(flag)}`;
}

/** What a flag does, with the choices that its usage doesn't show and its default. */
export function flagHelp(flag: FlagDefinition): string {
  const choices = flag.placeholder !== undefined && flag.choices
    ? `: ${flag.choices.join(", ")}`
    : "";
  const fallback = flag.default === undefined ? "" : ` (default ${defaultText(flag)})`;
  return `${flag.help}${choices}${fallback}`;
}

function renderFlag(flag: FlagDefinition): string[] {
  const text = wrap(flagHelp(flag), HELP_WIDTH - 32);
  const usage = `  ${flagUsage(flag)}`;
  if (usage.length > 30) return [usage, ...text.map((line) => " ".repeat(32) + line)];
  return text.map((line, index) => (index === 0 ? usage.padEnd(32) : " ".repeat(32)) + line);
}

/** Breaks a paragraph at spaces into lines of at most `width` characters; a longer word stays whole. */
export function wrap(paragraph: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of paragraph.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return [...lines, line];
}
