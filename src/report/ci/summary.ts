import { formatAmount } from "../../budget/size.ts";
import type { Recommendation } from "../../budget/recommendation.ts";
import type { InstanceValidation, Validation } from "../../budget/validation.ts";
import type { ValidationReport } from "../validation_report.ts";
import { devicePools } from "../devices_text.ts";
import { issueCause, issueMessage, warningsOf } from "../message.ts";
import { askedWords, everyInstance, livesWords, placeIn } from "../places/places.ts";
import { printable } from "../printable.ts";
import { recommendationFlags, recommendationMessage } from "../recommendation.ts";

/**
 * A validation as Markdown for a job's summary page (`$GITHUB_STEP_SUMMARY`): a table of the jars,
 * then what is wrong and what to change. Ends with a line break, so that others may append.
 */
export function summaryMarkdown(report: ValidationReport): string {
  const { validation } = report;
  const { memory } = validation;
  const devices = devicePools(validation);
  const isPlaced = validation.places !== undefined;
  return [
    `### brainjar: the jars ${validation.ok ? "fit" : "do not fit"}`,
    "",
    row([
      ...["Jar", "Role", "Model", ...isPlaced ? ["Lives", "Asked for"] : [], "Context"],
      ...["RAM limit", "Floor", "Working set", "Required"],
      ...devices.map(({ id }) => `On ${escape(id)}`),
    ]),
    `|---|---|---|${isPlaced ? "---|---|" : ""}--:|--:|--:|--:|--:|${
      "--:|".repeat(devices.length)
    }`,
    ...everyInstance(validation).map((instance) => row(jarCells(instance, report))),
    row([
      ...[isPlaced ? "**Together here**" : "**Together**", "", "", ...isPlaced ? ["", ""] : []],
      ...["", ""],
      ...[validation.floorBytes, validation.workingSetBytes].map(amount),
      `**${amount(validation.requiredBytes)}**`,
      ...devices.map(({ requiredBytes }) => `**${amount(requiredBytes)}**`),
    ]),
    "",
    `Safe threshold ${amount(validation.usableBytes)} of ${amount(memory.totalBytes)}, ` +
    `available ${amount(memory.availableBytes)}.`,
    ...devices.map(({ id, usableBytes, totalBytes, availableBytes }) =>
      `On ${escape(id)} safe threshold ${amount(usableBytes)} of ${amount(totalBytes)}, ` +
      `available ${amount(availableBytes)}.`
    ),
    "",
    ...list(
      "Issues",
      validation.issues.map((issue) => `${issueMessage(issue)}. ${issueCause(issue)}`),
    ),
    ...list("Warnings", warningsOf(validation).map(({ message }) => message)),
    ...(validation.recommendations.length === 0 ? [] : [
      "**What to change**",
      "",
      ...validation.recommendations.map((one) => recommendationItem(one, validation)),
      "",
    ]),
  ].join("\n");
}

const amount = formatAmount;

function jarCells(instance: InstanceValidation, report: ValidationReport): string[] {
  const { validation, models, instances } = report;
  const known = instances.find(({ id }) => id === instance.id);
  const model = models.find(({ path }) => path === instance.model)?.name ?? instance.model;
  const place = placeIn(validation, instance.id);
  return [
    escape(instance.id),
    instance.role,
    escape(model),
    ...place === undefined
      ? []
      : [escape(livesWords(place)), place.launcher === undefined ? "" : escape(askedWords(place))],
    known === undefined ? "" : String(known.contextSize),
    instance.ramLimitBytes === undefined ? "none" : amount(instance.ramLimitBytes),
    ...[instance.floorBytes, instance.workingSetBytes, instance.requiredBytes].map(amount),
    ...devicePools(validation).map((pool) => {
      const needed = instance.pools.find(({ id }) => id === pool.id)?.requiredBytes ?? 0;
      return needed === 0 ? "" : amount(needed);
    }),
  ];
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}

function list(title: string, items: readonly string[]): string[] {
  return items.length === 0
    ? []
    : [`**${title}**`, "", ...items.map((item) => `- ${escape(item)}`), ""];
}

/** With its flags as code, to be copied. */
function recommendationItem(recommendation: Recommendation, validation: Validation): string {
  const message = escape(recommendationMessage(recommendation, validation));
  const flags = recommendationFlags(recommendation, validation);
  if (flags.length === 0) return `- ${message}`;
  const code = flags.join(" ");
  return `- ${message.replace(escape(code), () => `\`${code}\``)}`;
}

/** What came from files and arguments must not become markup. */
function escape(text: string): string {
  return printable(text).replace(/[\\`*_[\]<>|~#&]/g, (character) => `\\${character}`);
}
