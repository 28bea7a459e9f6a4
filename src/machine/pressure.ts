import type { MemoryPressure } from "../budget/memory.ts";
import type { MachineFiles } from "./machine_files.ts";

/** Where the whole machine's pressure is read. */
export const MACHINE_PRESSURE_PATH = "/proc/pressure/memory";

/** A pressure, nothing (the kernel does not report it), or what went wrong. */
type PressureReading =
  | { readonly kind: "pressure"; readonly pressure: MemoryPressure }
  | { readonly kind: "absent" }
  | { readonly kind: "unreadable"; readonly reason: string };

/**
 * Parses a PSI file: percent of the last ten seconds in which some task, or all of them, waited for
 * memory. Answers nothing where the text is not PSI.
 */
export function parsePressure(text: string): MemoryPressure | undefined {
  const some = average10(text, "some");
  const full = average10(text, "full");
  if (some === undefined || full === undefined) return undefined;
  return { someAverage10: some, fullAverage10: full };
}

/**
 * Reads a PSI file: the machine's, or a control group's `memory.pressure`.
 *
 * A kernel started with `psi=0` keeps the file and refuses to have it read; that is absence, not
 * failure.
 */
export function readPressure(files: MachineFiles, path: string): PressureReading {
  const reading = files.read(path);
  if (reading.kind === "absent") return reading;
  if (reading.kind === "unreadable") {
    return /not supported|os error 95/i.test(reading.reason) ? { kind: "absent" } : reading;
  }
  const pressure = parsePressure(reading.text);
  if (pressure === undefined) {
    return { kind: "unreadable", reason: "it holds no 'some' and 'full' averages" };
  }
  return { kind: "pressure", pressure };
}

/** The worse of two, figure by figure: a group can stall in a machine at ease, and the reverse. */
export function worsePressure(
  left: MemoryPressure | undefined,
  right: MemoryPressure,
): MemoryPressure {
  if (left === undefined) return right;
  return {
    someAverage10: Math.max(left.someAverage10, right.someAverage10),
    fullAverage10: Math.max(left.fullAverage10, right.fullAverage10),
  };
}

function average10(text: string, kind: "some" | "full"): number | undefined {
  const match = new RegExp(`^${kind} avg10=(\\d+(?:\\.\\d+)?) `, "m").exec(text);
  if (match === null) return undefined;
  const percent = Number(match[1]);
  return percent <= 100 ? percent : undefined;
}
