import { MAX_WINDOWS, WINDOW_BYTES } from "./limits.ts";
import { type WalkLengths, walkLengths } from "./walk_lengths.ts";
import { WALK_MODULE } from "./walk_module.ts";

/** A buffer to read through, and the walk over the length fields in it. */
export interface Window {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  /** For little-endian files; big-endian ones are walked by `walkLengths`. */
  readonly walkLittle: WalkLengths;
  /** Whether that is the WebAssembly module. */
  readonly accelerated: boolean;
}

const idle: Window[] = [];
const waiting: ((window: Window) => void)[] = [];
let made = 0;
let walkModule: WebAssembly.Module | undefined;

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
    // A page is 64 KiB; a length field that would end past the last one is not walked.
    const memory = new WebAssembly.Memory({ initial: WINDOW_BYTES / 65_536 });
    walkModule ??= new WebAssembly.Module(WALK_MODULE);
    const { exports } = new WebAssembly.Instance(walkModule, { window: { memory } });
    // What the module exports is written down in it, and a test compares it with walkLengths.
    const walk = exports.walk as (
      position: number,
      last: number,
      count: number,
    ) => [number, number];
    // It isn't shared: nothing asked for that.
    const buffer = memory.buffer as ArrayBuffer;
    return {
      bytes: new Uint8Array(buffer),
      view: new DataView(buffer),
      walkLittle: (_view, position, last, count) => walk(position, last, count),
      accelerated: true,
    };
  } catch {
    // Where WebAssembly is switched off or address space is short, reading is only slower.
    const bytes = new Uint8Array(WINDOW_BYTES);
    return {
      bytes,
      view: new DataView(bytes.buffer),
      walkLittle: (view, position, last, count) => walkLengths(view, position, last, count, true),
      accelerated: false,
    };
  }
}
