import { formatAmount } from "../budget/size.ts";
import { usedPercent } from "../budget/memory.ts";
import type { InstanceValidation, Validation } from "../budget/validation.ts";
import { type Block, blocks, fields } from "./block.ts";
import type { ModelDescription } from "../gguf/describe_model.ts";
import type { InstanceDescription, ValidationReport } from "./validation_report.ts";
import { formatParameters, formatPercent } from "./format.ts";
import { issueCause, issueMessage, warningsOf } from "./message.ts";
import { recommendationMessage } from "./recommendation.ts";

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
    budgetAnalysis(validation),
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
      ["Promised to others", reservedBytes > 0 ? formatAmount(reservedBytes) : undefined],
      [
        "Memory pressure",
        pressure &&
        `some ${formatPercent(pressure.someAverage10)}, full ` +
          `${formatPercent(pressure.fullAverage10)} of the last 10 seconds`,
      ],
      [
        "Swap",
        swap &&
        `${formatAmount(swap.totalBytes)}, ${formatAmount(swap.freeBytes)} free (not counted)`,
      ],
    ]),
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
          ["File size", formatAmount(model.fileBytes)],
          ["Architecture", architecture(model)],
          ["Weights", known && formatAmount(known.bytes.weights)],
          ["Repacked weights", known && optionalAmount(known.bytes.repacked)],
          ["Vocabulary", known && optionalAmount(known.bytes.vocabulary)],
          ["Confidence", known && known.confidence],
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

function optionalAmount(bytes: number): string | undefined {
  return bytes > 0 ? formatAmount(bytes) : undefined;
}

function perInstance({ validation, models, instances }: ValidationReport): Block {
  return {
    title: "Per-Instance Requirements",
    lines: validation.instances.flatMap((instance) => {
      const known = instances.find(({ id }) => id === instance.id);
      const model = models.find(({ path }) => path === instance.model);
      return [
        `Instance '${instance.id}' (${instance.role})`,
        ...fields(instanceRows(instance, model?.name ?? instance.model, known), "  "),
      ];
    }),
  };
}

function instanceRows(
  instance: InstanceValidation,
  modelName: string,
  known: InstanceDescription | undefined,
): [string, string | undefined][] {
  const { ramLimitBytes, sharedBytes } = instance;
  return [
    ["Model", modelName],
    ["Context", known && contextWords(known)],
    ["Floor", `${formatAmount(instance.floorBytes)} (killed below)`],
    ["Working set", `${formatAmount(instance.workingSetBytes)} (full speed)`],
    ["RAM limit", ramLimitBytes === undefined ? "none" : formatAmount(ramLimitBytes)],
    ["Required", formatAmount(instance.requiredBytes)],
    [
      "Of it shared",
      sharedBytes > 0 ? `${formatAmount(sharedBytes)} (counted above)` : undefined,
    ],
  ];
}

function contextWords({ contextSize, bytes }: InstanceDescription): string {
  const cache = bytes.kvCache + bytes.recurrentState;
  const compute = bytes.compute + bytes.output;
  return `${contextSize} tokens (cache ${formatAmount(cache)}, compute ${formatAmount(compute)})`;
}

function budgetAnalysis(validation: Validation): Block {
  const { memory, usableBytes, requiredBytes } = validation;
  const given = Number((100 - validation.safetyMarginPercent).toFixed(2));
  return {
    title: "Budget Analysis",
    lines: fields([
      ["Sum of requirements", formatAmount(validation.sumBytes)],
      [
        "Shared weights",
        formatAmount(validation.sharedWeightBytes) + sharingWords(validation),
      ],
      ["Total requirements", formatAmount(requiredBytes)],
      [
        "Safe threshold",
        `${formatAmount(usableBytes)} (${given}% of ${formatAmount(memory.totalBytes)})`,
      ],
      ["Currently available", formatAmount(memory.availableBytes)],
      ["Floor, all jars", formatAmount(validation.floorBytes)],
      ["Working set, all jars", formatAmount(validation.workingSetBytes)],
      [
        "Budget used",
        usableBytes > 0 ? formatPercent((requiredBytes / usableBytes) * 100) : undefined,
      ],
    ]),
  };
}

function sharingWords({ shareWeights, sharedWeightBytes }: Validation): string {
  if (!shareWeights) return " (not shared)";
  return sharedWeightBytes > 0 ? " (counted once)" : "";
}

function outcome(validation: Validation): Block {
  const warnings = warningsOf(validation).map(({ message }) => message);
  const warningLines = list("Warnings:", warnings);
  if (validation.ok) {
    return {
      title: "VALIDATION PASSED",
      lines: [
        "Memory budget is safe to proceed",
        `Total required: ${formatAmount(validation.requiredBytes)} / ` +
        formatAmount(validation.usableBytes),
        `Safety margin: ${formatAmount(validation.marginBytes)}`,
        ...warningLines,
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
      ...list(
        "Recommendations:",
        validation.recommendations.map((one) => recommendationMessage(one, validation)),
      ),
    ],
  };
}

function list(title: string, items: readonly string[]): string[] {
  return items.length === 0 ? [] : ["", title, ...items.map((item) => `  - ${item}`)];
}
