import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";
import process from "node:process";
import { BrainjarError } from "../../budget/error.ts";
import type { Size } from "../drawing/draw_options.ts";

/** A terminal as far as the screen touches it, so that tests have one of their own. */
export interface TerminalDevice {
  size(): Size;
  /** What was typed since, or nothing; never waits. */
  read(): Uint8Array | undefined;
  /** Takes as many bytes as there is room for, and says how many; never waits. */
  write(bytes: Uint8Array): number;
  /** Keys come one by one and aren't echoed, also those that are signals otherwise. */
  setRaw(isRaw: boolean): void;
  /** Sends a signal to all that run in the foreground, as the terminal does for Ctrl-C. */
  raise(signal: NodeJS.Signals): void;
  close(): void;
}

const PATH = "/dev/tty";
/** Of a terminal that has none to tell. */
const USUAL_SIZE: Size = { columns: 80, rows: 24 };

/**
 * The terminal that this process was started in, opened anew: it can be told not to wait without the
 * shell's own descriptors, which it shares with every other program, hearing of it.
 *
 * @throws `BrainjarError` where there is none, or the system has no such thing (Windows).
 */
export function openTerminalDevice(): TerminalDevice {
  const { descriptor, file } = open();
  const buffer = new Uint8Array(4096);
  /** Somebody closed it: SIGHUP tells the run, and nobody reads any more. */
  let isGone = false;
  const unlessFull = <Result>(operation: () => Result): Result | undefined => {
    try {
      return operation();
    } catch (error) {
      isGone ||= codeOf(error) !== "EAGAIN" && codeOf(error) !== "EINTR";
      return undefined;
    }
  };
  return {
    size: () => {
      try {
        const { columns, rows } = Deno.consoleSize();
        return columns > 0 && rows > 0 ? { columns, rows } : USUAL_SIZE;
      } catch {
        return USUAL_SIZE;
      }
    },
    read: () => {
      if (isGone) return undefined;
      const count = unlessFull(() => withoutStack(() => readSync(descriptor, buffer))) ?? 0;
      return count > 0 ? buffer.slice(0, count) : undefined;
    },
    write: (bytes) => {
      const count = isGone ? bytes.length : unlessFull(() => writeSync(descriptor, bytes)) ?? 0;
      return isGone ? bytes.length : count;
    },
    setRaw: (isRaw) => {
      unlessFull(() => file.setRaw(isRaw));
    },
    raise: (signal) => {
      process.kill(0, signal);
    },
    close: () => {
      closeSync(descriptor);
      file.close();
    },
  };
}

function open() {
  try {
    const flags = constants.O_RDWR | constants.O_NONBLOCK | constants.O_NOCTTY;
    return { descriptor: openSync(PATH, flags), file: Deno.openSync(PATH) };
  } catch (cause) {
    throw new BrainjarError("no-terminal", "The screen finds no terminal to draw on", {
      hint: "Run it in a terminal, or with --plain",
      cause,
    });
  }
}

/** Nothing typed is an error here, many times a second; a third of what it costs is its stack. */
function withoutStack<Result>(operation: () => Result): Result {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    return operation();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}
