import { formatAmount } from "../../budget/size.ts";
import type { DeviceBytes, FootprintBytes } from "../../footprint/footprint.ts";
import { type Block, blocks, fields } from "../block.ts";
import { printable } from "../printable.ts";

/** Where a measured run has got to; `context gone` where there are devices. */
export const MEASURED_STAGES = [
  "started",
  "engine open",
  "after load",
  "after first context",
  "after thinking",
  "context gone",
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
  /** What is in use on each device, by whomever, as its driver says; absent without devices. */
  readonly devices?: readonly { readonly id: string; readonly usedBytes: number }[];
}

/** What a model needed on one device, as estimated and as measured. */
export interface MeasuredDevice {
  /** `cuda:0` */
  readonly id: string;
  /** What its driver calls it. */
  readonly name: string;
  readonly estimated: DeviceBytes;
  /** Whether the driver says what is in use: some always say that nothing is. */
  readonly isTold: boolean;
  /** What the open engine held there, before any model; absent where only the engine tells. */
  readonly contextBytes?: number;
  /** All that was held there after a thought, but for what is absent above. */
  readonly heldBytes: number;
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
  /** Absent where no device computed. */
  readonly devices?: readonly MeasuredDevice[];
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

/** What a stage added to the one before it, of what `bytesOf` tells. */
function growth(
  stages: readonly StageMemory[],
  stage: MeasuredStage,
  bytesOf = (one: StageMemory) => one.anonymousBytes,
): number {
  const index = stages.findIndex((one) => one.stage === stage);
  const [now, before] = [stages[index], stages[index - 1]];
  return now === undefined || before === undefined
    ? 0
    : Math.max(0, bytesOf(now) - bytesOf(before));
}

/** What is in use on a device at a stage; nothing where nobody tells. */
function usedAt(stage: StageMemory | undefined, id: string): number | undefined {
  return stage?.devices?.find((device) => device.id === id)?.usedBytes;
}

/** The same since the first stage that is told. */
function usedSince(stages: readonly StageMemory[], stage: StageMemory | undefined, id: string) {
  const first = stages.find((one) => usedAt(one, id) !== undefined);
  return (usedAt(stage, id) ?? 0) - (usedAt(first, id) ?? 0);
}

/**
 * What a device held at the stages of a run: by its driver, which counts everybody's.
 *
 * @param stages from the first on
 */
export function measuredDevice(
  { id, name, estimated }: Pick<MeasuredDevice, "id" | "name" | "estimated">,
  stages: readonly StageMemory[],
): MeasuredDevice {
  const since = (wanted: MeasuredStage) =>
    Math.max(0, usedSince(stages, stages.find(({ stage }) => stage === wanted), id));
  const isTold = stages.some((stage) =>
    usedAt(stage, id) !== undefined && usedSince(stages, stage, id) !== 0
  );
  return {
    id,
    name,
    estimated,
    isTold,
    ...usedAt(stages[0], id) !== undefined && { contextBytes: since("engine open") },
    heldBytes: since("after thinking"),
  };
}

function deviceBlock(device: MeasuredDevice, stages: readonly StageMemory[]): Block {
  const { id, name, estimated, isTold, contextBytes, heldBytes } = device;
  const title = `ON ${id}: ${name}`;
  const { weights, kvCache, recurrentState, compute, runtime, thinking } = estimated;
  const context = kvCache + recurrentState + compute;
  // What nobody saw isn't compared.
  const process = contextBytes === undefined ? 0 : runtime;
  const all = weights + context + process + thinking;
  if (!isTold) {
    return {
      title,
      lines: [
        `Its driver doesn't tell what is in use there; estimated ${formatAmount(all)}`,
      ],
    };
  }
  const grown = (stage: MeasuredStage) => growth(stages, stage, (one) => usedAt(one, id) ?? 0);
  return {
    title,
    lines: [
      `${"".padEnd(22)}${"in use".padStart(14)}${"since start".padStart(14)}`,
      ...stages.map((stage) => {
        const used = usedAt(stage, id);
        return stage.stage.padEnd(22) +
          (used === undefined
            ? "-".padStart(14).repeat(2)
            : amount(used) + amount(usedSince(stages, stage, id)));
      }),
      `${"".padEnd(26)}${"estimated".padStart(14)}${"measured".padStart(14)}`,
      ...fields([
        comparison("Weights", weights, grown("after load")),
        comparison("Cache and compute", context, grown("after first context")),
        comparison(
          contextBytes === undefined ? "Thinking" : "Process and thinking",
          process + thinking,
          (contextBytes ?? 0) + grown("after thinking"),
        ),
        comparison("All, after a thought", all, heldBytes),
      ]),
    ],
  };
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
  const { estimated, stages, devices = [] } = measurement;
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
    ...devices.map((device) => deviceBlock(device, stages)),
  ];
  const saved = measurement.savedTo;
  return blocks(parts) + (saved === undefined ? "" : `\n${printable(`Kept in ${saved}`)}`);
}
