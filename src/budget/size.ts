import { BrainjarError } from "./error.ts";

const STEP = 1024;

/** One KB: 1024 bytes. */
export const KB: number = STEP;
/** One MB: 1024² bytes. */
export const MB = STEP ** 2;
/** One GB as brainjar and its seed count it: 1024³ bytes. */
export const GB = STEP ** 3;

/** Largest first: of two texts as short, printing takes the larger unit. */
const UNITS: readonly (readonly [letter: string, bytes: number])[] = [
  ["P", STEP ** 5],
  ["T", STEP ** 4],
  ["G", GB],
  ["M", MB],
  ["K", KB],
];

const SIZE = /^(\d+(?:\.\d*)?|\.\d+)\s*(?:([KMGTP])(?:IB?|B)?|(B|BYTES?))?$/i;

/** What a size may be. */
export interface SizeOptions {
  /** Whether zero is a size here: a headroom may be nothing, a RAM limit may not. */
  readonly allowZero?: boolean;
}

/**
 * The bytes that a size given on the command line means, rounded to whole ones.
 *
 * A bare number is GB. Units are powers of 1024 whether or not they are spelled with an `i`
 * (src/budget/README.md, "Words": GB is 1024³ everywhere); case and spaces do not matter.
 *
 * @throws {BrainjarError} `invalid-size` for anything else, zero (unless allowed), and more bytes
 * than a number counts exactly (2^53).
 *
 * @example
 * ```ts
 * import { parseSize } from "./size.ts";
 * if (parseSize("1.5") !== 1.5 * 1024 ** 3) throw new Error("A bare number is GB");
 * if (parseSize("512 MiB") !== 512 * 1024 ** 2) throw new Error("MiB is 1024² bytes");
 * ```
 */
export function parseSize(text: string, options: SizeOptions = {}): number {
  const found = SIZE.exec(text.trim());
  if (!found) {
    throw new BrainjarError("invalid-size", `Invalid size: '${text}'`, {
      hint: "Give a number of GB or a number with its unit, such as 8, 1.5GiB or 512MB",
    });
  }
  const [, digits = "", letter, bytesWord] = found;
  const unit = bytesWord ? 1 : letter ? unitBytes(letter) : GB;
  const bytes = Math.round(Number(digits) * unit);
  if (bytes > Number.MAX_SAFE_INTEGER) {
    throw new BrainjarError("invalid-size", `Size is too large: '${text}'`, {
      hint: "The largest size is 8191 TB",
    });
  }
  if (bytes === 0 && !options.allowZero) {
    throw new BrainjarError("invalid-size", `Size must be more than zero: '${text}'`, {
      hint: "Give at least one byte, such as 8, 1.5GiB or 512MB",
    });
  }
  return bytes;
}

function unitBytes(letter: string): number {
  const unit = UNITS.find(([name]) => name === letter.toUpperCase());
  return unit?.[1] ?? GB;
}

/** Bytes as GB with two decimals. */
function formatGigabytes(bytes: number): string {
  return `${(bytes / GB).toFixed(2)} GB`;
}

/**
 * Bytes as GB with two decimals; under a tenth of a GB as MB, under a tenth of that as KB, and so
 * on. So two decimals are never more than 5 % off, parts sum to what is shown as their sum, a
 * shortfall of one byte never reads `0.00 GB`, and only zero does.
 *
 * @example
 * ```ts
 * import { formatAmount, GB, MB } from "./size.ts";
 * if (formatAmount(3 * GB) !== "3.00 GB") throw new Error("GB where GB show it");
 * if (formatAmount(2 * MB) !== "2.00 MB") throw new Error("A smaller unit where they don't");
 * if (formatAmount(1) !== "1 byte") throw new Error("Down to bytes");
 * ```
 */
export function formatAmount(bytes: number): string {
  const size = Math.abs(bytes);
  if (size === 0 || size >= GB / 10) return formatGigabytes(bytes);
  if (size >= MB / 10) return `${(bytes / MB).toFixed(2)} MB`;
  if (size >= KB) return `${(bytes / KB).toFixed(2)} KB`;
  return size === 1 ? `${bytes} byte` : `${bytes} bytes`;
}

/**
 * A size as a person would write it: whole tenths of a GB, whole MB where that is less than 1 GB.
 * Rounded down it may be nothing, which is `0`.
 *
 * @param bytes Not negative.
 *
 * @example
 * ```ts
 * import { GB, MB, roundSize } from "./size.ts";
 * if (roundSize(9.19 * GB, "down").text !== "9.1") throw new Error("GB have no unit");
 * if (roundSize(9.11 * GB, "up").text !== "9.2") throw new Error("Enough");
 * if (roundSize(95.5 * MB, "up").text !== "96MB") throw new Error("Small ones in MB");
 * ```
 */
export function roundSize(
  bytes: number,
  direction: "up" | "down",
): { readonly bytes: number; readonly text: string } {
  const isLarge = bytes >= GB;
  const step = isLarge ? GB / 10 : MB;
  // A tenth of a GB is no whole number of bytes, so one that was rounded lies beside its step.
  const steps = Math.round(bytes / step);
  const textOf = (count: number) =>
    isLarge ? (count / 10).toFixed(1) : count === 0 ? "0" : `${count}MB`;
  for (const count of [steps, direction === "up" ? steps + 1 : Math.max(0, steps - 1)]) {
    const text = textOf(count);
    const rounded = parseSize(text, { allowZero: true });
    if (direction === "up" ? rounded >= bytes : rounded <= bytes) return { bytes: rounded, text };
  }
  return { bytes: 0, text: "0" };
}

/**
 * An amount that is enough when it is typed: as `formatAmount` has it, unless that is rounded down.
 *
 * @example
 * ```ts
 * import { formatEnough, GB, MB } from "./size.ts";
 * if (formatEnough(36 * GB) !== "36.00 GB") throw new Error("Nothing is lost");
 * if (formatEnough(104 * MB) !== "104MB") throw new Error("0.10 GB would be too little");
 * ```
 */
export function formatEnough(bytes: number): string {
  const text = formatAmount(bytes);
  return parseSize(text, { allowZero: true }) >= bytes ? text : formatSize(bytes);
}

/**
 * The shortest text with at most two decimals that `parseSize` reads as exactly these bytes.
 *
 * @param bytes A whole number, not negative.
 *
 * @example
 * ```ts
 * import { formatSize, parseSize } from "./size.ts";
 * if (formatSize(1.5 * 1024 ** 3) !== "1.5GB") throw new Error("A unit where it is exact");
 * if (parseSize(formatSize(900_000_001)) !== 900_000_001) throw new Error("Bytes where it isn't");
 * ```
 */
export function formatSize(bytes: number): string {
  let shortest = `${bytes}B`;
  for (const [letter, unit] of UNITS) {
    if (bytes < unit) continue;
    const number = Number((bytes / unit).toFixed(2));
    const text = `${number}${letter}B`;
    if (Math.round(number * unit) === bytes && text.length < shortest.length) shortest = text;
  }
  return shortest;
}
