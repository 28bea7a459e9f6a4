import { shellWord } from "../../report/shell_word.ts";
import type { Launcher } from "./launcher.ts";

/** What a launcher is asked to start. */
export interface LaunchRequest {
  /** What the process is called there; letters, digits and dashes. */
  readonly name: string;
  /** What it is held to, in bytes. */
  readonly memoryBytes: number;
  /** What it uses when it has it, in bytes. */
  readonly requestBytes: number;
  /** Devices that it needs. */
  readonly gpus: number;
  /** The program and its words. */
  readonly command: readonly string[];
  /** The same as somebody wrote it for the other side's shell. */
  readonly commandLine?: string;
  /** What stands for {operand}. */
  readonly operand: string;
  /** More words for the launcher itself. */
  readonly words: readonly string[];
  /** The machine that it isn't to be started on. */
  readonly avoid?: string;
  /** Whether root asks. */
  readonly isRoot: boolean;
}

const MIB = 1024 ** 2;

/** Placeholders within words, and what stands for them. */
const VALUES: Readonly<Record<string, (request: LaunchRequest) => string>> = {
  name: ({ name }) => name,
  memory: ({ memoryBytes }) => String(memoryBytes),
  "memory-mib": ({ memoryBytes }) => String(Math.ceil(memoryBytes / MIB)),
  request: ({ requestBytes }) => String(requestBytes),
  gpus: ({ gpus }) => String(gpus),
  avoid: ({ avoid = "" }) => avoid,
  operand: ({ operand }) => operand,
  "operand-json": ({ operand }) => JSON.stringify(operand),
  "command-json": ({ command }) => JSON.stringify(command),
};

/** The placeholders of a command that a person writes. */
export const PLACEHOLDERS: readonly string[] = [
  "memory",
  "memory-mib",
  "request",
  "gpus",
  "name",
  "command",
];

const PLACEHOLDER = /\{([a-z-]+)\}/g;

/**
 * The command line that starts a jar's process: a launcher's words with all that is asked for in their
 * placeholders.
 *
 * @example
 * ```ts
 * import { fillTemplate } from "./fill_template.ts";
 * const words = fillTemplate({ template: ["srun", "--mem={memory-mib}M", "--gpus={gpus}", "{command}"] }, {
 *   name: "god",
 *   memoryBytes: 50 * 1024 ** 2 + 1,
 *   requestBytes: 0,
 *   gpus: 0,
 *   command: ["brainjar", "jar"],
 *   operand: "",
 *   words: [],
 *   isRoot: false,
 * });
 * if (words.join(" ") !== "srun --mem=51M brainjar jar") throw new Error(words.join(" "));
 * ```
 */
export function fillTemplate(
  { template, isShell }: Pick<Launcher, "template" | "isShell">,
  request: LaunchRequest,
): string[] {
  const { command, commandLine, words, gpus, avoid, isRoot } = request;
  return template.flatMap((word) => {
    if (word === "{command}") {
      return isShell ? [commandLine ?? command.map(shellWord).join(" ")] : command;
    }
    if (word === "{words}") return words;
    if (word === "{user}") return isRoot ? [] : ["--user"];
    if (gpus === 0 && word.includes("{gpus}")) return [];
    if (avoid === undefined && word.includes("{avoid}")) return [];
    return [word.replaceAll(PLACEHOLDER, (all, name) => VALUES[name]?.(request) ?? all)];
  });
}

/** The same of a shell's line that a person wrote: each value is a word of it. */
export function fillLine(line: string, request: LaunchRequest): string {
  return line.replaceAll(PLACEHOLDER, (all, name) => {
    if (name === "command") return request.command.map(shellWord).join(" ");
    return PLACEHOLDERS.includes(name) ? shellWord(VALUES[name]?.(request) ?? all) : all;
  });
}
