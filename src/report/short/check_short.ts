import { RAM } from "../../budget/pools/pools.ts";
import { formatAmount } from "../../budget/size.ts";
import type { InstanceValidation, PoolValidation, Validation } from "../../budget/validation.ts";
import { layersText } from "../devices_text.ts";
import { formatPercent } from "../format.ts";
import { issueCause, issueMessage, warningsOf } from "../message.ts";
import {
  askedElsewhere,
  askedWords,
  elsewhere,
  everyInstance,
  livesWords,
  placeIn,
} from "../places/places.ts";
import { recommendationMessage } from "../recommendation.ts";
import type { Span } from "../styled.ts";
import type { ValidationReport } from "../validation_report.ts";
import { bar, type Paragraph } from "./paragraph.ts";

/** Cells of a pool's bar: fits beside its figures in 40 columns. */
const BAR_CELLS = 10;

/**
 * A verdict as a person at a terminal reads it: the verdict first, then what decides it, then what
 * would help. Every figure is in `validationText`.
 */
export function checkShort(report: ValidationReport): Paragraph[] {
  const { validation } = report;
  return [
    verdict(validation),
    ...validation.pools.filter(({ id, sumBytes }) => isShown(id, validation) || sumBytes > 0)
      .map((pool) => poolLine(pool)),
    ...jarLines(report),
    ...issueLines(validation),
    ...listed(
      "Would pass",
      validation.recommendations.map((one) => recommendationMessage(one, validation)),
    ),
    ...warningsOf(validation).map(({ message }): Paragraph => ({
      label: [{ style: "warning", text: "Warning" }],
      indent: "Warning  ".length,
      words: [message],
    })),
  ];
}

/** RAM is, where any jar takes it. */
function isShown(pool: string, { instances }: Validation): boolean {
  return pool === RAM && instances.length > 0;
}

function verdict(validation: Validation): Paragraph {
  const { ok, instances, issues, requiredBytes, usableBytes, marginBytes } = validation;
  const others = elsewhere(validation);
  const isFound = issues.some(({ code }) => code !== "no-machine-offered");
  if (!ok && !isFound) {
    const jars = issues.length === 1 ? "a jar" : `${issues.length} jars`;
    return { words: [badge("fail", "FAIL"), ` No machine is offered that holds ${jars}`] };
  }
  if (others.length > 0 && instances.length === 0) {
    const who = others.length === 1 ? "The jar takes" : `The ${others.length} jars take`;
    const words = ` ${who} nothing of this machine; asked for elsewhere: ${askedElsewhere(others)}`;
    return { words: [ok ? badge("pass", "PASS") : badge("fail", "FAIL"), words] };
  }
  const here = others.length > 0 ? " here" : "";
  const jars = instances.length === 1 ? `The jar${here}` : `The ${instances.length} jars${here}`;
  const fit = instances.length === 1 ? "fits" : "fit";
  const doNotFit = instances.length === 1 ? "does not fit" : "do not fit";
  const amounts = `${formatAmount(requiredBytes)} of the ${
    formatAmount(usableBytes)
  } RAM that may be given out`;
  return ok
    ? {
      words: [
        badge("pass", "PASS"),
        ` ${jars} ${fit}: ${amounts}; ${formatAmount(marginBytes)} left`,
      ],
    }
    // Where the sum would fit, something else is the matter, and told below.
    : {
      words: [
        badge("fail", "FAIL"),
        ` ${jars} ${doNotFit}${requiredBytes > usableBytes ? `: ${amounts}` : ""}`,
      ],
    };
}

function badge(style: "pass" | "fail", text: string): Span {
  return { style, text };
}

function poolLine(pool: PoolValidation): Paragraph {
  const { id, requiredBytes, usableBytes, totalBytes, availableBytes } = pool;
  const share = usableBytes > 0 ? requiredBytes / usableBytes : Infinity;
  return {
    label: [id === RAM ? "RAM" : id],
    indent: LABEL_CELLS,
    words: [
      { style: share > 1 ? "fail" : "pass", text: bar(share, BAR_CELLS) },
      ` ${share === Infinity ? "all" : formatPercent(share * 100)} of the budget`,
      {
        style: "dim",
        text: `; ${formatAmount(availableBytes)} of ${formatAmount(totalBytes)} available`,
      },
    ],
  };
}

const LABEL_CELLS = 10;

function jarLines({ validation, models, instances }: ValidationReport): Paragraph[] {
  const every = everyInstance(validation);
  const indent = Math.max(LABEL_CELLS, ...every.map(({ id }) => Math.min(24, id.length + 2)));
  return every.map((jar): Paragraph => {
    const place = placeIn(validation, jar.id);
    const known = instances.find(({ id }) => id === jar.id);
    const model = models.find(({ path }) => path === jar.model);
    const details = [
      known && `context ${known.contextSize}`,
      jar.ramLimitBytes === undefined ? undefined : `limit ${formatAmount(jar.ramLimitBytes)}`,
      place &&
      (place.launcher === undefined
        ? livesWords(place)
        : `${livesWords(place)} with ${askedWords(place)}`),
      jar.gpuLayers && `layers on devices ${layersText(jar.gpuLayers)}`,
      model?.name ?? jar.model,
    ];
    return {
      label: [{ style: jar.role, text: jar.id }],
      indent,
      words: [
        needs(jar),
        { style: "dim", text: `; ${details.filter((text) => text !== undefined).join(", ")}` },
      ],
    };
  });
}

/** What a jar adds to the sum, on each pool. */
function needs({ pools }: InstanceValidation): string {
  const parts = pools.map(({ id, requiredBytes, sharedBytes }) => {
    const where = id === RAM ? "" : ` on ${id}`;
    const own = formatAmount(requiredBytes - sharedBytes);
    return sharedBytes > 0 ? `${own} more${where}` : `${own}${where}`;
  });
  return parts.join(", ");
}

function issueLines({ issues }: Validation): Paragraph[] {
  return issues.flatMap((issue, index): Paragraph[] => [
    { words: [] },
    { label: [{ style: "fail", text: `${index + 1}.` }], indent: 3, words: [issueMessage(issue)] },
    { indent: 3, words: [{ style: "dim", text: issueCause(issue) }] },
  ]);
}

function listed(title: string, items: readonly string[]): Paragraph[] {
  if (items.length === 0) return [];
  return [
    { words: [] },
    { words: [{ style: "bold", text: `${title}:` }] },
    ...items.map((item): Paragraph => ({ label: ["-"], indent: 2, words: [item] })),
  ];
}
