import { formatAmount } from "../budget/size.ts";
import { usedPercent } from "../budget/memory.ts";
import type { Criterion } from "../budget/demand.ts";
import type { InstanceValidation, Validation } from "../budget/validation.ts";
import { type Block, blocks, fields } from "./block.ts";
import type { ModelDescription } from "../gguf/describe_model.ts";
import type { InstanceDescription, ValidationReport } from "./validation_report.ts";
import { formatParameters, formatPercent } from "./format.ts";
import { issueCause, issueMessage, warningsOf } from "./message.ts";
import { recommendationMessage } from "./recommendation.ts";
import {
  deviceBudget,
  deviceParts,
  devicePassed,
  deviceRequirements,
  deviceStatus,
  layersText,
} from "./devices_text.ts";
import { residentLines } from "./estimate/resident_text.ts";
import { sharedBytes } from "./shared_bytes.ts";

/**
 * Layer 1's report as people read it: the blocks of src/budget/README.md in their order, plain text without colour
 * and without a line break at the end.
 */
export function validationText(report: ValidationReport): string {
  const { validation } = report;
  return blocks([
    header(report),
    systemMemory(validation),
    modelAnalysis(report),
    perInstance(report),
    budgetAnalysis(report),
    outcome(validation),
  ]);
}

const CRITERION_WORDS = {
  "working-set": "working set (runs at full speed)",
  floor: "floor (stays alive)",
} as const;

function header({ validation, estimator }: ValidationReport): Block {
  const ids = validation.instances.map(({ id }) => id).join(", ");
  return {
    title: "MEMORY BUDGET VALIDATION",
    lines: fields([
      ["Mode", `${validation.mode} (${ids})`],
      ["Criterion", CRITERION_WORDS[validation.criterion]],
      ["Estimator", estimator],
    ]),
  };
}

function systemMemory({ memory }: Validation): Block {
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
    ]).concat((memory.devices ?? []).flatMap(deviceStatus)),
  };
}

function modelAnalysis({ validation, models, instances }: ValidationReport): Block {
  return {
    title: "Model Analysis",
    lines: models.flatMap((model) => {
      const users = validation.instances.filter((instance) => instance.model === model.path);
      const known = instances.find(({ id }) => users.some((user) => user.id === id));
      const shared = users.length > 1 && validation.shareWeights;
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
            users.map(({ id }) => id).join(", ") +
            (shared ? " (weights loaded once)" : ""),
          ],
        ], "  "),
      ];
    }),
  };
}

function architecture(model: ModelDescription): string {
  const trained = model.trainContextLength === null
    ? ""
    : `, trained on ${model.trainContextLength} tokens`;
  return `${model.architecture ?? "unknown"}, ` +
    `${formatParameters(model.parameters)} parameters, ` +
    (model.quantization ?? "no weights") + trained;
}

function perInstance({ validation, models, instances }: ValidationReport): Block {
  return {
    title: "Per-Instance Requirements",
    lines: validation.instances.flatMap((instance) => {
      const known = instances.find(({ id }) => id === instance.id);
      const model = models.find(({ path }) => path === instance.model);
      return [
        `Instance '${instance.id}' (${instance.role})`,
        ...fields(
          instanceRows(instance, model?.name ?? instance.model, known, validation.criterion),
          "  ",
        ),
        ...madeOf(known, instances),
      ];
    }),
  };
}

function instanceRows(
  instance: InstanceValidation,
  modelName: string,
  known: InstanceDescription | undefined,
  criterion: Criterion,
): [string, string | undefined][] {
  const { ramLimitBytes, sharedBytes, gpuLayers } = instance;
  return [
    ["Model", modelName],
    ["Context", known && `${known.contextSize} tokens`],
    ["Floor", `${formatAmount(instance.floorBytes)} (killed below)`],
    ["Working set", `${formatAmount(instance.workingSetBytes)} (full speed)`],
    ["RAM limit", ramLimitBytes === undefined ? "none" : formatAmount(ramLimitBytes)],
    ["Required", `${formatAmount(instance.requiredBytes)} (${requiredWords(instance, criterion)})`],
    [
      "Of it shared",
      sharedBytes > 0 ? `${formatAmount(sharedBytes)} (counted above)` : undefined,
    ],
    ["Layers on devices", gpuLayers && layersText(gpuLayers)],
    ...deviceRequirements(instance),
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
): string[] {
  if (known === undefined) return [];
  const linesOf = ({ footprint }: InstanceDescription) => [
    ...residentLines(footprint),
    ...deviceParts(footprint.devices),
  ];
  const lines = linesOf(known);
  const first = instances.find((one) => linesOf(one).join("\n") === lines.join("\n"));
  return first === undefined || first === known
    ? lines.map((line) => `  ${line}`)
    : fields([["Made of", `the same as '${first.id}'`]], "  ");
}

function budgetAnalysis(report: ValidationReport): Block {
  const { validation } = report;
  const { memory, usableBytes, requiredBytes, safetyMarginPercent } = validation;
  const given = Number((100 - safetyMarginPercent).toFixed(2));
  const shared = sharedBytes(report);
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
      ["Floor, all jars", formatAmount(validation.floorBytes)],
      ["Working set, all jars", formatAmount(validation.workingSetBytes)],
      [
        "Budget used",
        usableBytes > 0 ? formatPercent((requiredBytes / usableBytes) * 100) : undefined,
      ],
    ]).concat(deviceBudget(validation)),
  };
}

/** What is taken off a sum. */
function minus(bytes: number): string {
  return `-${formatAmount(bytes)}`;
}

function sharedWords(bytes: number, { shareWeights }: Validation): string {
  if (bytes > 0) return `${minus(bytes)} (jars on one model load it once)`;
  return shareWeights ? "none" : "none (--no-share-weights)";
}

function outcome(validation: Validation): Block {
  const warnings = warningsOf(validation).map(({ message }) => message);
  const warningLines = list("Warnings:", warnings);
  const recommendationLines = list(
    "Recommendations:",
    validation.recommendations.map((one) => recommendationMessage(one, validation)),
  );
  if (validation.ok) {
    return {
      title: "VALIDATION PASSED",
      lines: [
        "Memory budget is safe to proceed",
        `Total required: ${formatAmount(validation.requiredBytes)} / ` +
        formatAmount(validation.usableBytes),
        `Safety margin: ${formatAmount(validation.marginBytes)}`,
        "  (left below the safe threshold, beside what is never given out)",
        ...devicePassed(validation),
        ...warningLines,
        ...recommendationLines,
      ],
    };
  }
  return {
    title: "VALIDATION FAILED",
    lines: [
      "Memory budget validation failed. Issues:",
      ...validation.issues.flatMap((issue, index) => [
        `  ${index + 1}. ${issueMessage(issue)}`,
        `     ${issueCause(issue)}`,
      ]),
      ...warningLines,
      ...recommendationLines,
    ],
  };
}

function list(title: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : ["", title, ...items.map((item) => `  - ${item}`)];
}
