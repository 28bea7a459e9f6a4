import configuration from "../../../deno.json" with { type: "json" };
import type { Command } from "../command.ts";
import { type CommandDefinition, COMMANDS } from "../flags/commands.ts";
import { EXIT_CODES } from "../../budget/exit_codes.ts";
import { type FlagDefinition, flagsOf } from "../flags/flags.ts";
import { flagHelp, flagUsage, JARS, PURPOSE, SIZES, wrap } from "../help/help.ts";
import { escapeRoff } from "../help/roff.ts";

/** Columns of the source; formatting it fills lines anew. */
const SOURCE_WIDTH = 72;

const ENVIRONMENT = [
  ["BRAINJAR_MODEL", "Model of every jar that no flag names one for."],
  ["HF_HUB_CACHE, HF_HOME", "Where hf: names are looked up; LLAMA_CACHE for llama.cpp's own."],
  ["OLLAMA_MODELS", "Where ollama: names are looked up."],
  ["HF_TOKEN", "Sent to the hub alone, for models that it shows to those who log in."],
  ["BRAINJAR_HOME", "Folder in which brainjar keeps what it unpacks and measures."],
  ["NO_COLOR", "No colour, if it is set and not empty."],
  [
    "BRAINJAR_LEDGER",
    "Folder of the ledger that brainjar processes share, instead of those in /run, /dev/shm, /tmp and XDG_RUNTIME_DIR.",
  ],
] as const;

const FILES = [
  ["brainjar.jsonc", "Jars and policy, read from the working folder unless --jars names a file."],
] as const;

/** `brainjar man`: prints the man page. */
export const command: Command = ({ output }) => {
  output.answer(renderManPage());
  return 0;
};

/**
 * The man page in roff's man macros, made from the tables of commands and flags. Ends with a
 * newline, and is ASCII, so that any roff reads it.
 *
 * @param date Printed in the footer, as `2026-01-31`; none is printed if it is left out.
 */
export function renderManPage(date = ""): string {
  const start = `.TH BRAINJAR 1 "${date.replace(/[^\d-]/g, "")}" "brainjar ${
    escapeRoff(configuration.version)
  }" "User Commands"`;
  return [
    start,
    // Whole words, ragged on the right: flags and names are to be found by searching.
    ".nh",
    ".ad l",
    ".SH NAME",
    ...text("brainjar - keep several language models in one machine's memory"),
    ".SH SYNOPSIS",
    `${bold("brainjar")} ${italic("COMMAND")} [${italic("FLAGS")}]`,
    ...[["COMMAND", "--help"], ["--version"]].flatMap((words) => [
      ".br",
      `${bold("brainjar")} ${words.map(word).join(" ")}`,
    ]),
    ".SH DESCRIPTION",
    ...text(PURPOSE),
    ".PP",
    ...text(SIZES),
    ".PP",
    ...text(JARS),
    ".SH COMMANDS",
    ...COMMANDS.flatMap(renderCommand),
    ".SH EXIT STATUS",
    ...Object.values(EXIT_CODES).flatMap(({ code, means }) =>
      entry(bold(String(code)), sentence(means))
    ),
    ".SH ENVIRONMENT",
    ...ENVIRONMENT.flatMap(([name, means]) => entry(bold(name), means)),
    ".SH FILES",
    ...FILES.flatMap(([name, means]) => entry(italic(name), means)),
    ".SH EXAMPLES",
    ...COMMANDS.flatMap(({ examples }) => Object.entries(examples)).flatMap((
      [line, does],
    ) => [".TP", escapeRoff(capitalize(does)), ".nf", escapeRoff(`brainjar ${line}`), ".fi"]),
  ].join("\n") + "\n";
}

function renderCommand(command: CommandDefinition): string[] {
  const operands = command.operands && ` ${italic(command.operands)}`;
  return [
    `.SS ${bold(`brainjar ${command.name}`)}${operands} [${italic("FLAGS")}]`,
    ...text(sentence(command.summary)),
    ...command.description.flatMap((paragraph) => [".PP", ...text(paragraph)]),
    ...flagsOf(command.name).flatMap(renderFlag),
  ];
}

function renderFlag(flag: FlagDefinition): string[] {
  return entry(flagUsage(flag).split(" ").map(word).join(" "), sentence(flagHelp(flag)));
}

function sentence(words: string): string {
  return `${capitalize(words)}.`;
}

function capitalize(words: string): string {
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** A tagged paragraph; the tag is roff already. */
function entry(tag: string, told: string): string[] {
  return [".TP", tag, ...text(told)];
}

/** A word of a command line: what is typed as it stands is bold, what stands for it is italic. */
function word(typed: string): string {
  return typed.startsWith("--") ? bold(typed) : italic(typed);
}

function bold(typed: string): string {
  return `\\fB${escapeRoff(typed)}\\fR`;
}

function italic(typed: string): string {
  return `\\fI${escapeRoff(typed)}\\fR`;
}

function text(paragraph: string): string[] {
  return wrap(paragraph, SOURCE_WIDTH).map(escapeRoff);
}
