import { BrainjarError, messageOf } from "../../budget/error.ts";
import { loadModule } from "../../load_module.ts";
import { printable, printableLines } from "../../report/printable.ts";
import type { Paragraph } from "../../report/short/paragraph.ts";

/** Where a command prints, so that commands are tested without a terminal. */
export interface Output {
  /**
   * The answer: stdout, unprintable characters escaped. False once its reader went away
   * (`brainjar … | head -1`, a terminal that was closed).
   */
  answer(text: string): boolean;
  /** The same without keeping anything else waiting. */
  answerLater(text: string): Promise<boolean>;
  /** Whether the answer goes to a terminal. */
  readonly answersTerminal: boolean;
  /** Whether a person sits at a terminal that may be drawn on, and answers there. */
  readonly canDraw: boolean;
  /**
   * A report at a terminal, wrapped to its width and in colour where that is on; false once its reader
   * went away. Keeps nothing else waiting.
   */
  answerParagraphs(paragraphs: readonly Paragraph[]): Promise<boolean>;
  /** Everything else: stderr, in the same way. */
  say(text: string): void;
  /** Whether stderr is a terminal that may be redrawn. */
  readonly interactive: boolean;
  /** Colours a word for stderr; returns it unchanged where colour is off. */
  paint(style: keyof typeof CODES, text: string): string;
}

/** Select Graphic Rendition; written out because node:util takes a quarter of a check's time to load. */
const CODES = { red: 31, dim: 2 } as const;

/** The process's own stdout and stderr. Writes synchronously, so nothing is lost at exit. */
export function processOutput(options: { readonly color: boolean }): Output {
  const interactive = Deno.stderr.isTerminal();
  const answersTerminal = Deno.stdout.isTerminal();
  const color = options.color && interactive;
  return {
    answer: (text) => writeAll(Deno.stdout, printableLines(text), answersTerminal),
    answerLater: (text) => writeLater(Deno.stdout, printableLines(text), answersTerminal),
    answersTerminal,
    get canDraw() {
      // The screen needs /dev/tty, which Windows hasn't.
      return answersTerminal && Deno.stdin.isTerminal() && Deno.env.get("TERM") !== "dumb" &&
        Deno.build.os !== "windows";
    },
    answerParagraphs: async (paragraphs) => {
      const { fitParagraphs } = await loadModule<
        typeof import("../../report/short/paragraph.ts")
      >(import.meta, "../../report/short/paragraph.ts");
      // A terminal that knows no size says 0.
      const columns = answersTerminal && Deno.consoleSize().columns || 80;
      // What spans hold was made printable one by one: the styles are all that is left.
      const text = fitParagraphs(paragraphs, { columns, color: options.color && answersTerminal });
      return await writeLater(Deno.stdout, text, answersTerminal);
    },
    say: (text) => {
      try {
        writeAll(Deno.stderr, color ? keepPainted(text) : printableLines(text), interactive);
      } catch {
        // Nobody hears it; the answer and the exit code still count.
      }
    },
    interactive,
    paint: (style, text) => color ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text,
  };
}

/** What `paint` puts around a word. */
const PAINTED = new RegExp(`(\\u001b\\[(?:${[0, ...Object.values(CODES)].join("|")})m)`);

/** `printableLines`, but for the colours that `paint` gave. */
function keepPainted(text: string): string {
  return text.split(PAINTED).map((part, index) => index % 2 === 1 ? part : printableLines(part))
    .join("");
}

const encoder = new TextEncoder();

/** Whether anybody reads it. */
function writeAll(
  stream: { writeSync(bytes: Uint8Array): number },
  text: string,
  isTerminal: boolean,
): boolean {
  let bytes = encoder.encode(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(stream.writeSync(bytes));
    } catch (error) {
      if (isUnread(error, isTerminal)) return false;
    }
  }
  return true;
}

/** How long a full pipe that isn't blocking is left to its reader. */
const FULL_MILLISECONDS = 20;

async function writeLater(
  stream: { write(bytes: Uint8Array): Promise<number> },
  text: string,
  isTerminal: boolean,
): Promise<boolean> {
  let bytes = encoder.encode(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(await stream.write(bytes));
    } catch (error) {
      if (isUnread(error, isTerminal)) return false;
      await new Promise((resolve) => setTimeout(resolve, FULL_MILLISECONDS));
    }
  }
  return true;
}

/**
 * Whether a write failed because nobody reads any more: a pipe whose reader is gone, a terminal that was
 * closed (EIO). False where it is to be tried again; throws what else is wrong.
 */
function isUnread(error: unknown, isTerminal: boolean): boolean {
  if (error instanceof Deno.errors.BrokenPipe) return true;
  if (isTerminal && /os error 5\b/.test(messageOf(error))) return true;
  // A full pipe that isn't blocking: let the reader catch up.
  if (error instanceof Deno.errors.WouldBlock) return false;
  throw new BrainjarError("output-failed", "The answer can't be written", {
    hint: "Where it goes to may be full or closed",
    kind: "engine",
    cause: error,
  });
}

/** Whether colour is wanted: not with `NO_COLOR` (any value but empty) and not with --no-color. */
export function colorWanted(argv: readonly string[]): boolean {
  return (Deno.env.get("NO_COLOR") ?? "") === "" && !argv.includes("--no-color");
}

/**
 * An error as a person reads it: the sentence, then what to do, a line each, whatever paths and
 * names are in them. Ends with a newline.
 */
export function renderError(error: BrainjarError, output: Pick<Output, "paint">): string {
  const lines = [`${output.paint("red", "error:")} ${printable(error.message)}`];
  if (error.hint) lines.push(`${output.paint("dim", "hint:")} ${printable(error.hint)}`);
  return lines.join("\n") + "\n";
}
