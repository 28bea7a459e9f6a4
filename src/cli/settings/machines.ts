import { BrainjarError } from "../../budget/error.ts";
import { formatSize } from "../../budget/size.ts";
import { GPU_BACKENDS, type GpuBackend } from "../../llama_cpp/options.ts";
import type { DescribedMachines } from "../../plan/placement.ts";
import { didYouMean } from "../flags/did_you_mean.ts";
import { readSize } from "../flags/values.ts";
import { describedDevice, MOST_DEVICES } from "./devices.ts";

const FLAG = "--machines";

const EXAMPLES = "It takes each kind's RAM, its devices and how many there are, such as " +
  "16GB*40,24GB+cuda:24GB*8";

/** Machines in all; the largest clusters have some ten thousand. */
const MOST_MACHINES = 100_000;

/** Kinds of machines; who has more says what is the same about them. */
const MOST_KINDS = 32;

/** One kind as it was typed. */
interface TypedKind {
  readonly ramBytes: number;
  readonly devices: readonly { readonly backend: GpuBackend; readonly bytes: number }[];
  readonly count: number;
}

/**
 * The machines that `--machines` describes, nothing being on them: kinds between commas, each its RAM,
 * a device after each `+`, and `*` how many there are (one, if nothing is said). Equal kinds are one.
 *
 * @param text `16GB*40,24GB+cuda:24GB*8`; sizes as `parseSize` reads them
 * @throws {BrainjarError} `invalid-value` for anything else, `invalid-size` for a size that is none
 *
 * @example
 * ```ts
 * import { parseMachines } from "./machines.ts";
 * const [small, large] = parseMachines("16GB*40,24GB+cuda:24GB*8");
 * if (small?.count !== 40 || small.machine.totalBytes !== 16 * 1024 ** 3) throw new Error("16 GB");
 * if (large?.machine.devices?.[0]?.memory.id !== "cuda:0") throw new Error("With a card");
 * ```
 */
export function parseMachines(text: string): readonly DescribedMachines[] {
  const items = text.split(",");
  if (items.length > MOST_KINDS) throw invalid(text, `It takes ${MOST_KINDS} kinds at most`);
  const kinds = new Map<string, DescribedMachines>();
  for (const item of items) {
    const { count, ...typed } = parseKind(text, item.trim());
    const name = nameOf(typed);
    kinds.set(name, {
      machine: {
        name,
        totalBytes: typed.ramBytes,
        availableBytes: typed.ramBytes,
        devices: typed.devices.map(({ backend, bytes }, index) =>
          describedDevice(`${backend}:${index}`, bytes, FLAG)
        ),
      },
      count: count + (kinds.get(name)?.count ?? 0),
    });
  }
  const all = [...kinds.values()].reduce((sum, { count }) => sum + count, 0);
  if (all > MOST_MACHINES) throw invalid(text, `It takes ${MOST_MACHINES} machines at most`);
  return [...kinds.values()];
}

/** What a kind is called: as it would be typed. */
function nameOf({ ramBytes, devices }: Omit<TypedKind, "count">): string {
  const cards = devices.map(({ backend, bytes }) => `+${backend}:${formatSize(bytes)}`);
  return formatSize(ramBytes) + cards.join("");
}

function parseKind(text: string, item: string): TypedKind {
  const [parts = "", times, ...more] = item.split("*").map((part) => part.trim());
  if (more.length > 0) throw invalid(text, EXAMPLES);
  // Who writes the number first means this.
  if (/^\d+$/.test(parts) && times !== undefined && /[a-z]/i.test(times)) {
    throw invalid(text, `Did you mean "${times}*${parts}"? ${EXAMPLES}`);
  }
  const [ram = "", ...cards] = parts.split("+").map((part) => part.trim());
  const ramBytes = sizeIn(text, ram);
  const devices = cards.map((card) => parseDevice(text, card));
  const [first] = devices;
  const other = devices.find(({ backend }) => backend !== first?.backend);
  if (first !== undefined && other !== undefined) {
    throw invalid(
      text,
      `The engine drives devices of one kind: ${first.backend} or ${other.backend}`,
    );
  }
  const most = first === undefined ? 0 : MOST_DEVICES[first.backend];
  if (devices.length > most) {
    throw invalid(text, `A machine has ${most} ${first?.backend} devices at most`);
  }
  return { ramBytes, devices, count: times === undefined ? 1 : parseCount(text, times) };
}

function parseCount(text: string, typed: string): number {
  const count = Number(typed);
  if (/^\d+$/.test(typed) && count >= 1 && count <= MOST_MACHINES) return count;
  throw invalid(text, `After * it takes how many machines there are, from 1 to ${MOST_MACHINES}`);
}

function parseDevice(text: string, card: string): TypedKind["devices"][number] {
  const [word = "", size, ...more] = card.split(/[:=]/).map((part) => part.trim());
  const backend = GPU_BACKENDS.find((one) => one === word.toLowerCase());
  if (backend === undefined) {
    const rest = `After + it takes a device: ${GPU_BACKENDS.join(", ")}, and its memory: cuda:24GB`;
    throw invalid(text, didYouMean(word, GPU_BACKENDS, rest));
  }
  if (size === undefined || more.length > 0) {
    throw invalid(text, `A device is its kind and its memory: ${backend}:24GB`);
  }
  return { backend, bytes: sizeIn(text, size) };
}

function sizeIn(text: string, size: string): number {
  if (size === "") throw invalid(text, EXAMPLES);
  return readSize(FLAG, size, { hint: EXAMPLES });
}

function invalid(text: string, hint: string): BrainjarError {
  return new BrainjarError("invalid-value", `Flag "${FLAG}" can't be "${text}"`, { hint });
}
