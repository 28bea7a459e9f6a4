import { formatAmount } from "../../budget/size.ts";
import type { FootprintBytes } from "../../footprint/footprint.ts";
import { type Block, blocks, fields } from "../block.ts";
import { printable } from "../printable.ts";

/** Where a measured run has got to. */
export const MEASURED_STAGES = [
  "started",
  "engine open",
  "after load",
  "after first context",
  "after thinking",
  "after dispose",
] as const;

export type MeasuredStage = (typeof MEASURED_STAGES)[number];

/** What was resident at one stage, in bytes. */
export interface StageMemory {
  readonly stage: MeasuredStage;
  readonly anonymousBytes: number;
  /** Mapped pages, the program's own among them. */
  readonly fileBytes: number;
  /** Absent where the kernel doesn't tell. */
  readonly proportionalBytes?: number;
}

/** One model, as estimated and as measured. All bytes whole. */
export interface Measurement {
  readonly path: string;
  readonly estimated: FootprintBytes;
  /** What a calibration that was kept before had made of the estimate. */
  readonly stages: readonly StageMemory[];
  /** Highest anonymous memory between start and end. */
  readonly anonymousPeakBytes: number;
  /** Highest of anonymous memory and mapped pages, the program's own too, together. */
  readonly peakBytes: number;
  /** anonymousPeakBytes / estimated floor. */
  readonly floorRatio: number;
  /** Where the ratio was kept, with `--save`. */
  readonly savedTo?: string;
}

/** `measure --json`. */
export interface MeasureJson extends Omit<Measurement, "path"> {
  readonly schema: "brainjar.measure/1";
  readonly model: { readonly path: string };
}

/** A measurement as `measure --json` prints it. */
export function measureJson(measurement: Measurement): MeasureJson {
  const { path, ...rest } = measurement;
  return { schema: "brainjar.measure/1", model: { path }, ...rest };
}

const amount = (bytes: number) => formatAmount(bytes).padStart(14);

function stageLine(stage: StageMemory): string {
  return stage.stage.padEnd(22) + amount(stage.anonymousBytes) + amount(stage.fileBytes) +
    (stage.proportionalBytes === undefined ? "-".padStart(14) : amount(stage.proportionalBytes));
}

function comparison(name: string, estimated: number, measured: number): [string, string] {
  const percent = measured === 0 ? 0 : (estimated / measured - 1) * 100;
  return [
    name,
    `${amount(estimated)}${amount(measured)}   ${percent < 0 ? "" : "+"}${percent.toFixed(1)}%`,
  ];
}

/** What a stage added to the one before it. */
function growth(stages: readonly StageMemory[], stage: MeasuredStage): number {
  const index = stages.findIndex((one) => one.stage === stage);
  const [now, before] = [stages[index], stages[index - 1]];
  return now === undefined || before === undefined
    ? 0
    : Math.max(0, now.anonymousBytes - before.anonymousBytes);
}

/**
 * A measurement for people: stage by stage, then each part's estimate beside what was resident.
 * Plain text without a line break at the end.
 *
 * @example
 * ```ts
 * import { measureText } from "./measure_text.ts";
 * const none = { weights: 0, kvCache: 0, recurrentState: 0, compute: 0, output: 0, repacked: 0 };
 * const text = measureText({
 *   path: "a.gguf",
 *   estimated: { ...none, vocabulary: 0, runtime: 0, floor: 2 ** 20, workingSet: 2 ** 20, peak: 2 ** 20 },
 *   stages: [{ stage: "started", anonymousBytes: 2 ** 20, fileBytes: 0 }],
 *   anonymousPeakBytes: 2 ** 20,
 *   peakBytes: 2 ** 20,
 *   floorRatio: 1,
 * });
 * if (!text.includes("1.00 MB")) throw new Error(text);
 * ```
 */
export function measureText(measurement: Measurement): string {
  const { estimated, stages } = measurement;
  const heading = ["anonymous", "file-backed", "proportional"];
  const parts: Block[] = [
    {
      title: `MEASURED: ${measurement.path}`,
      lines: [
        "".padEnd(22) + heading.map((text) => text.padStart(14)).join(""),
        ...stages.map(stageLine),
      ],
    },
    {
      title: "ESTIMATE BESIDE REALITY",
      lines: [
        `${"".padEnd(26)}${"estimated".padStart(14)}${"measured".padStart(14)}`,
        ...fields([
          comparison(
            "Vocabulary and repacked",
            estimated.vocabulary + estimated.repacked,
            growth(stages, "after load"),
          ),
          comparison(
            "Cache and state",
            estimated.kvCache + estimated.recurrentState + estimated.output,
            growth(stages, "after first context"),
          ),
          comparison("Floor (anonymous peak)", estimated.floor, measurement.anonymousPeakBytes),
          comparison("Peak", estimated.peak, measurement.peakBytes),
        ]),
      ],
    },
  ];
  const saved = measurement.savedTo;
  return blocks(parts) + (saved === undefined ? "" : `\n${printable(`Kept in ${saved}`)}`);
}
