import { MAX_WINDOWS, WINDOW_BYTES } from "./limits.ts";
import { type SkipStrings, stringSkipper } from "./skip_strings.ts";
import { SKIP_STRINGS_WASM } from "./skip_strings_wasm.ts";

/** A buffer to read through, and how strings in it are skipped. */
export interface Window {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  /** Skips the strings of a little-endian file. */
  readonly skipStrings: SkipStrings;
  /** Whether that is the WebAssembly module. */
  readonly accelerated: boolean;
}

const idle: Window[] = [];
const waiting: ((window: Window) => void)[] = [];
let made = 0;
let compiled: WebAssembly.Module | undefined;

/** A window for one reader, which must give it back; waits while `MAX_WINDOWS` are in use. */
export function takeWindow(): Window | Promise<Window> {
  const window = idle.pop();
  if (window !== undefined) return window;
  if (made < MAX_WINDOWS) {
    made++;
    return makeWindow();
  }
  return new Promise((resolve) => waiting.push(resolve));
}

/** Gives a window to whoever waits for one, or keeps it for the next. */
export function returnWindow(window: Window): void {
  const next = waiting.shift();
  if (next === undefined) idle.push(window);
  else next(window);
}

function makeWindow(): Window {
  try {
    // A page is 64 KiB; a length field that would end past the last one is not read.
    const memory = new WebAssembly.Memory({ initial: WINDOW_BYTES / 65_536 });
    compiled ??= new WebAssembly.Module(SKIP_STRINGS_WASM);
    const { exports } = new WebAssembly.Instance(compiled, { window: { memory } });
    // What the module exports is written down in it, and a test compares it with stringSkipper.
    const skip = exports.skip as (
      position: number,
      last: number,
      count: number,
    ) => [number, number];
    // It isn't shared: nothing asked for that.
    const buffer = memory.buffer as ArrayBuffer;
    return {
      bytes: new Uint8Array(buffer),
      view: new DataView(buffer),
      skipStrings: (_view, position, last, count) => skip(position, last, count),
      accelerated: true,
    };
  } catch {
    // Where WebAssembly is switched off or address space is short, reading is only slower.
    const bytes = new Uint8Array(WINDOW_BYTES);
    return {
      bytes,
      view: new DataView(bytes.buffer),
      skipStrings: stringSkipper(true),
      accelerated: false,
    };
  }
}
