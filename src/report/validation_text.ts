import { formatAmount } from "../budget/size.ts";
import { usedPercent } from "../budget/memory.ts";
import type { Criterion } from "../budget/demand.ts";
import type { InstanceValidation, Validation } from "../budget/validation.ts";
import { loadModule } from "../load_module.ts";
import { type Block, blocks, fields } from "./block.ts";
import type { ModelDescription } from "../gguf/describe_model.ts";
import type { InstanceDescription, ValidationReport } from "./validation_report.ts";
import { formatParameters, formatPercent } from "./format.ts";
import { residentLines } from "./estimate/resident_text.ts";
import { sharedBytes } from "./shared_bytes.ts";

/**
 * Layer 1's report as people read it: the blocks of src/budget/README.md in their order, plain text without colour
 * and without a line break at the end.
 *
 * What speaks of devices, of issues, warnings and recommendations is loaded where there are any.
 */
export async function validationText(report: ValidationReport): Promise<string> {
  const { validation } = report;
  const places = await wordsForPlaces(validation);
  const instances = places?.everyInstance(validation) ?? validation.instances;
  const words = { places, devices: await wordsForDevices(validation.pools, instances) };
  return blocks([
    header(report, instances, words),
    systemMemory(validation, words),
    modelAnalysis(report, instances),
    perInstance(report, instances, words),
    budgetAnalysis(report, words),
    await outcome(validation, words),
  ]);
}

/** What only some reports say. */
interface Words {
  readonly devices: DeviceWords;
  readonly places: PlaceWords;
}

/** The lines on jars in processes of their own; absent where there are none. */
type PlaceWords =
  | (typeof import("./places/places.ts") & typeof import("./places/places_text.ts"))
  | undefined;

async function wordsForPlaces({ places }: Validation): Promise<PlaceWords> {
  if (places === undefined) return undefined;
  return {
    ...await loadModule<typeof import("./places/places.ts")>(import.meta, "./places/places.ts"),
    ...await loadModule<typeof import("./places/places_text.ts")>(
      import.meta,
      "./places/places_text.ts",
    ),
  };
}

/** The lines on devices; absent where there is nothing to be said of any. */
type DeviceWords = typeof import("./devices_text.ts") | undefined;

async function wordsForDevices(
  pools: Validation["pools"],
  instances: readonly InstanceValidation[],
): Promise<DeviceWords> {
  const isTold = pools.length > 1 ||
    instances.some(({ pools, gpuLayers }) => pools.length > 1 || gpuLayers !== undefined);
  if (!isTold) return undefined;
  return await loadModule<typeof import("./devices_text.ts")>(
    import.meta,
    "./devices_text.ts",
  );
}

const CRITERION_WORDS = {
  "working-set": "working set (runs at full speed)",
  floor: "floor (stays alive)",
} as const;

function header(
  { validation, estimator }: ValidationReport,
  instances: readonly InstanceValidation[],
  { places }: Words,
): Block {
  const ids = instances.map(({ id }) => id).join(", ");
  return {
    title: "MEMORY BUDGET VALIDATION",
    lines: fields([
      ["Mode", `${validation.mode} (${ids})`],
      ...places?.whoLivesWhere(validation) ?? [],
      ["Criterion", CRITERION_WORDS[validation.criterion]],
      ["Estimator", estimator],
    ]),
  };
}

function systemMemory({ memory }: Validation, { devices }: Words): Block {
  const { reservedBytes, pressure, swap } = memory;
  const from = (figure: "total" | "available") => {
    const source = memory.sources.find((source) => source.figure === figure && source.decides);
    return source ? ` (${source.name})` : "";
  };
  return {
    title: "System Memory Status",
    lines: fields([
      ["Total RAM", formatAmount(memory.totalBytes) + from("total")],
      ["Available", formatAmount(memory.availableBytes) + from("available")],
      ["In use", formatPercent(usedPercent(memory))],
      ["Reserved by others", reservedBytes > 0 ? formatAmount(reservedBytes) : undefined],
      [
        "Memory pressure",
        pressure &&
        `some ${formatPercent(pressure.someAverage10)}, full ` +
          `${formatPercent(pressure.fullAverage10)} of the last 10 seconds`,
      ],
      [
        "Swap",
        swap &&
        (swap.totalBytes === 0
          ? "none"
          : `${formatAmount(swap.totalBytes)}, ${formatAmount(swap.freeBytes)} free (not counted)`),
      ],
    ]).concat((memory.devices ?? []).flatMap((one) => devices?.deviceStatus(one) ?? [])),
  };
}

function modelAnalysis(
  { validation, models, instances }: ValidationReport,
  every: readonly InstanceValidation[],
): Block {
  const { places = [], shareWeights } = validation;
  const apart = places.flatMap(({ id, launcher }) => launcher === undefined ? [] : [id]);
  return {
    title: "Model Analysis",
    lines: models.flatMap((model) => {
      const users = every.filter((instance) => instance.model === model.path);
      const known = instances.find(({ id }) => users.some((user) => user.id === id));
      const sharing = users.filter(({ id }) => !apart.includes(id));
      const shared = sharing.length > 1 && shareWeights;
      return [
        `Model: ${model.name}`,
        ...fields([
          ["File", model.path + (model.parts > 1 ? ` (${model.parts} parts)` : "")],
          ["Found at", model.file],
          ["File size", formatAmount(model.fileBytes)],
          ["Architecture", architecture(model)],
          ["Weights", known && formatAmount(known.footprint.bytes.weights)],
          ["Confidence", known && known.footprint.confidence],
          ...(known?.footprint.notes ?? []).map((note) => ["Note", note] as const),
          [
            "Used by",
            users.map(({ id }) => id).join(", ") + (shared ? sharedNote(users, sharing) : ""),
          ],
        ], "  "),
      ];
    }),
  };
}

function sharedNote(
  users: readonly InstanceValidation[],
  sharing: readonly InstanceValidation[],
): string {
  if (users.length === sharing.length) return " (weights loaded once)";
  return ` (weights loaded once for ${sharing.map(({ id }) => id).join(", ")})`;
}

function architecture(model: ModelDescription): string {
  const trained = model.trainContextLength === null
    ? ""
    : `, trained on ${model.trainContextLength} tokens`;
  return `${model.architecture ?? "unknown"}, ` +
    `${formatParameters(model.parameters)} parameters, ` +
    (model.quantization ?? "no weights") + trained;
}

function perInstance(
  { validation, models, instances }: ValidationReport,
  every: readonly InstanceValidation[],
  { devices, places }: Words,
): Block {
  return {
    title: "Per-Instance Requirements",
    lines: every.flatMap((instance) => {
      const known = instances.find(({ id }) => id === instance.id);
      const model = models.find(({ path }) => path === instance.model);
      return [
        `Instance '${instance.id}' (${instance.role})`,
        ...fields([
          ...places?.placeRows(validation, instance.id) ?? [],
          ...instanceRows(instance, model?.name ?? instance.model, known, validation),
          ...devices?.deviceRequirements(instance) ?? [],
        ], "  "),
        ...madeOf(known, instances, devices),
      ];
    }),
  };
}

function instanceRows(
  instance: InstanceValidation,
  modelName: string,
  known: InstanceDescription | undefined,
  { criterion, instances }: Validation,
): [string, string | undefined][] {
  const { ramLimitBytes, sharedBytes } = instance;
  const where = instances.includes(instance) ? "" : ", where it is started";
  return [
    ["Model", modelName],
    ["Context", known && `${known.contextSize} tokens`],
    ["Floor", `${formatAmount(instance.floorBytes)} (killed below)`],
    ["Working set", `${formatAmount(instance.workingSetBytes)} (full speed)`],
    ["RAM limit", ramLimitBytes === undefined ? "none" : formatAmount(ramLimitBytes)],
    [
      "Required",
      `${formatAmount(instance.requiredBytes)} (${requiredWords(instance, criterion)})${where}`,
    ],
    [
      "Of it shared",
      sharedBytes > 0 ? `${formatAmount(sharedBytes)} (counted above)` : undefined,
    ],
  ];
}

/** Which figure is the one that is required. */
function requiredWords(
  { requiredBytes, footprintBytes }: InstanceValidation,
  criterion: Criterion,
): string {
  if (requiredBytes > footprintBytes) return "its RAM limit";
  return criterion === "floor" ? "its floor" : "its working set";
}

/** What a jar's figures are made of; told once for jars that are made of the same. */
function madeOf(
  known: InstanceDescription | undefined,
  instances: readonly InstanceDescription[],
  devices: DeviceWords,
): string[] {
  if (known === undefined) return [];
  const linesOf = ({ footprint }: InstanceDescription) => [
    ...residentLines(footprint),
    ...devices?.deviceParts(footprint.devices) ?? [],
  ];
  const lines = linesOf(known);
  const first = instances.find((one) => linesOf(one).join("\n") === lines.join("\n"));
  return first === undefined || first === known
    ? lines.map((line) => `  ${line}`)
    : fields([["Made of", `the same as '${first.id}'`]], "  ");
}

function budgetAnalysis(report: ValidationReport, { devices, places }: Words): Block {
  const { validation } = report;
  const elsewhere = places?.elsewhereRows(validation) ?? [];
  if (places !== undefined && validation.instances.length === 0) {
    const lines = fields([...places.budgetRows(validation), ...elsewhere]);
    return { title: "Budget Analysis", lines };
  }
  const { memory, usableBytes, requiredBytes, safetyMarginPercent } = validation;
  const given = Number((100 - safetyMarginPercent).toFixed(2));
  const shared = sharedBytes(report);
  const whose = elsewhere.some(([, value]) => value !== undefined) ? "jars here" : "all jars";
  return {
    title: "Budget Analysis",
    lines: fields([
      ["Sum of requirements", formatAmount(validation.sumBytes)],
      ["Shared weights", sharedWords(shared.weights, validation)],
      [
        "Shared process",
        shared.process > 0
          ? `${minus(shared.process)} (runtime, vocabulary and loading, counted once)`
          : undefined,
      ],
      ["Total requirements", formatAmount(requiredBytes)],
      [
        "Safe threshold",
        `${formatAmount(usableBytes)} (${given}% of ${formatAmount(memory.totalBytes)})`,
      ],
      [
        "Never given out",
        `${formatAmount(memory.totalBytes - usableBytes)} ` +
        `(${Number(safetyMarginPercent.toFixed(2))}%, --safety-margin)`,
      ],
      ["Currently available", formatAmount(memory.availableBytes)],
      [`Floor, ${whose}`, formatAmount(validation.floorBytes)],
      [`Working set, ${whose}`, formatAmount(validation.workingSetBytes)],
      [
        "Budget used",
        usableBytes > 0 ? formatPercent((requiredBytes / usableBytes) * 100) : undefined,
      ],
      ...elsewhere,
    ]).concat(devices?.deviceBudget(validation) ?? []),
  };
}

/** What is taken off a sum. */
function minus(bytes: number): string {
  return `-${formatAmount(bytes)}`;
}

function sharedWords(bytes: number, { shareWeights, places }: Validation): string {
  if (bytes > 0) return `${minus(bytes)} (jars on one model load it once)`;
  if (places?.every(({ launcher }) => launcher !== undefined)) {
    return "none (each jar has a process of its own)";
  }
  return shareWeights ? "none" : "none (--no-share-weights)";
}

const NOTHING_HERE = "Nothing is required of this machine";

async function outcome(validation: Validation, { devices, places }: Words): Promise<Block> {
  const warningLines = list("Warnings:", await warningMessages(validation));
  const recommendationLines = list("Recommendations:", await recommendationMessages(validation));
  if (validation.ok) {
    return {
      title: "VALIDATION PASSED",
      lines: [
        "Memory budget is safe to proceed",
        ...validation.instances.length === 0 ? [NOTHING_HERE] : [
          `Total required: ${formatAmount(validation.requiredBytes)} / ` +
          formatAmount(validation.usableBytes),
          `Safety margin: ${formatAmount(validation.marginBytes)}`,
          "  (left below the safe threshold, beside what is never given out)",
        ],
        ...places?.passedElsewhere(validation) ?? [],
        ...devices?.devicePassed(validation) ?? [],
        ...warningLines,
        ...recommendationLines,
      ],
    };
  }
  return {
    title: "VALIDATION FAILED",
    lines: [
      "Memory budget validation failed. Issues:",
      ...await issueLines(validation),
      ...warningLines,
      ...recommendationLines,
    ],
  };
}

const loadMessages = () =>
  loadModule<typeof import("./message.ts")>(
    import.meta,
    "./message.ts",
  );

async function issueLines({ issues }: Validation): Promise<string[]> {
  const { issueCause, issueMessage } = await loadMessages();
  return issues.flatMap((issue, index) => [
    `  ${index + 1}. ${issueMessage(issue)}`,
    `     ${issueCause(issue)}`,
  ]);
}

async function warningMessages(validation: Validation): Promise<string[]> {
  if (validation.warnings.length + validation.memory.warnings.length === 0) return [];
  const { warningsOf } = await loadMessages();
  return warningsOf(validation).map(({ message }) => message);
}

async function recommendationMessages(validation: Validation): Promise<string[]> {
  if (validation.recommendations.length === 0) return [];
  const { recommendationMessage } = await loadModule<typeof import("./recommendation.ts")>(
    import.meta,
    "./recommendation.ts",
  );
  return validation.recommendations.map((one) => recommendationMessage(one, validation));
}

function list(title: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : ["", title, ...items.map((item) => `  - ${item}`)];
}
