import { formatAmount } from "../../budget/size.ts";
import { sum } from "../../budget/sum.ts";
import type { Footprint, ResidentPartName } from "../../footprint/footprint.ts";

/** What a part is called in reports, and what a reader may want to know of it. */
const WORDS: Readonly<Record<ResidentPartName, readonly [label: string, remark?: string]>> = {
  mapped: ["Mapped weights", "from the file, not in the floor"],
  program: ["Program", "its own files, not in the floor"],
  repacked: ["Repacked weights", "laid out anew in memory"],
  copied: ["Copied weights", "not mapped"],
  cache: ["Cache"],
  compute: ["Compute"],
  vocabulary: ["Vocabulary"],
  runtime: ["Runtime"],
  driver: ["Driver", "of the device"],
  device: ["On the device", "whose memory is RAM"],
  kernel: ["Kernel", "page tables, stacks, pages being read"],
  loading: ["Loading", "only while the model is loaded"],
  file: ["File"],
  allowance: ["Half as much again"],
  measured: ["Measured beyond", "kept by measure --save"],
};

const LABEL = 22;
const WIDTH = 14;

/**
 * What a footprint is made of, a line each: how much of it counts for the floor, and how much for
 * the working set. The columns sum to the two.
 */
export function residentLines(
  { bytes, resident }: Pick<Footprint, "bytes" | "resident">,
): string[] {
  const allocated = bytes.compute + bytes.output;
  return [
    partRow("Made of", ["floor", "working set"]),
    ...resident.map(({ part, floor, workingSet }) => {
      const [label, remark] = WORDS[part];
      const known = part === "compute" && allocated > 0
        ? `touched of ${formatAmount(allocated)} allocated`
        : remark;
      const line = partRow(`  ${label}`, [floor, workingSet].map(partAmount));
      return known === undefined ? line : `${line}  (${known})`;
    }),
    ...otherWeights({ bytes, resident }),
  ];
}

/** Parts that are weights. */
const WEIGHTS: readonly ResidentPartName[] = ["mapped", "repacked", "copied", "file"];

/** The weights of which a token reads a row here and there: they count for the peak alone. */
function otherWeights({ bytes, resident }: Pick<Footprint, "bytes" | "resident">): string[] {
  const counted = sum(
    resident.filter(({ part }) => WEIGHTS.includes(part)).map(({ workingSet }) => workingSet),
  );
  const other = bytes.weights - counted;
  if (other <= 0) return [];
  const line = partRow("  Other weights", ["-", "-"]);
  return [`${line}  (${formatAmount(other)} of the file, read here and there, in neither)`];
}

/** A part that doesn't count has no figure, so that nothing small reads as nothing. */
function partAmount(bytes: number): string {
  return bytes === 0 ? "-" : formatAmount(bytes);
}

/** A line of what something is made of: a label, then figures in columns. */
export function partRow(label: string, cells: readonly string[]): string {
  return label.padEnd(LABEL) + cells.map((cell) => cell.padStart(WIDTH)).join("");
}
