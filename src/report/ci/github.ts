import { RAM } from "../../budget/pools/pools.ts";
import { formatAmount } from "../../budget/size.ts";
import type { Issue, Validation } from "../../budget/validation.ts";
import { issueCause, issueMessage, warningsOf } from "../message.ts";
import { devicePools } from "../devices_text.ts";
import { askedElsewhere, elsewhere, everyInstance, placeIn } from "../places/places.ts";
import { printable } from "../printable.ts";
import { recommendationMessage } from "../recommendation.ts";

/** A line that GitHub Actions shows beside the job. */
interface Annotation {
  readonly level: "error" | "warning";
  readonly title: string;
  /** The message; what comes from outside adds no line to it. */
  readonly lines: readonly string[];
}

/** Jars that a title names; the message names all. */
const JARS_IN_TITLE = 3;

/**
 * A validation as GitHub Actions reads it from a step's output: an `::error` for each limit that is
 * exceeded, a `::warning` for each warning, and for people a plain line where all fits. Without a
 * line break at the end.
 */
export function githubAnnotations(validation: Validation): string {
  const lines = annotationsOf(validation).map(annotationLine);
  if (validation.ok) {
    const others = elsewhere(validation);
    lines.push(
      [
        `brainjar: the memory budget is safe, ${formatAmount(validation.requiredBytes)} required ` +
        `of ${formatAmount(validation.usableBytes)}`,
        ...others.length === 0 ? [] : [`${askedElsewhere(others)} elsewhere`],
        ...devicePools(validation).filter(({ sumBytes }) => sumBytes > 0).map((pool) =>
          `${formatAmount(pool.requiredBytes)} of ${formatAmount(pool.usableBytes)} on ${pool.id}`
        ),
      ].join(", "),
    );
  }
  return lines.join("\n");
}

/**
 * What could not be checked at all, as GitHub Actions reads it.
 *
 * @example
 * ```ts
 * import { githubError } from "./github.ts";
 * const line = githubError({ message: "Model file not found: a,b.gguf", hint: "Check --model" });
 * if (line !== "::error title=brainjar%3A not checked::Model file not found: a,b.gguf%0ACheck --model") {
 *   throw new Error(line);
 * }
 * ```
 */
export function githubError(error: {
  readonly message: string;
  readonly hint?: string | undefined;
}): string {
  return annotationLine({
    level: "error",
    title: "brainjar: not checked",
    lines: [error.message, ...(error.hint ? [error.hint] : [])],
  });
}

/**
 * An annotation in GitHub's escaping (its toolkit's `command.ts`): `%` and line feeds everywhere,
 * in a property also `:` and `,`. GitHub writes the message into the log as it was before the
 * escaping, so each of its lines is made printable first.
 *
 * @example
 * ```ts
 * import { annotationLine } from "./github.ts";
 * const line = annotationLine({ level: "warning", title: "a: b, c", lines: ["50%", "of it"] });
 * if (line !== "::warning title=a%3A b%2C c::50%25%0Aof it") throw new Error(line);
 * ```
 */
export function annotationLine({ level, title, lines }: Annotation): string {
  const property = escapeData(printable(title)).replaceAll(":", "%3A").replaceAll(",", "%2C");
  return `::${level} title=${property}::${escapeData(lines.map(printable).join("\n"))}`;
}

function escapeData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\n", "%0A");
}

function annotationsOf(validation: Validation): Annotation[] {
  return [
    ...validation.issues.map((issue): Annotation => ({
      level: "error",
      title: `brainjar: ${titleNames(issue, validation)} (${issue.code})`,
      lines: [
        issueMessage(issue),
        issueCause(issue),
        `Jars, largest first: ${
          largestFirst(issue, validation).map(({ id, requiredBytes }) =>
            `${id} ${formatAmount(requiredBytes)}`
          ).join(", ")
        }`,
        ...validation.recommendations.map((one) => recommendationMessage(one, validation)),
      ],
    })),
    ...warningsOf(validation).map(({ id, message }): Annotation => ({
      level: "warning",
      title: `brainjar: ${id ?? "memory"}`,
      lines: [message],
    })),
  ];
}

function titleNames(issue: Issue, validation: Validation): string {
  const ids = "id" in issue ? [issue.id] : largestFirst(issue, validation).map(({ id }) => id);
  const named = ids.slice(0, JARS_IN_TITLE).join(", ");
  const more = ids.length - JARS_IN_TITLE;
  const who = more > 0 ? `${named} and ${more} more` : named;
  return `${who} ${ids.length === 1 ? "does" : "do"} not fit`;
}

/** The pool that an issue is about. */
function poolOf(issue: Issue): string {
  return "pool" in issue && issue.pool !== undefined ? issue.pool : RAM;
}

/** The jars that need something of a pool, and how much. */
function largestFirst(
  issue: Issue,
  validation: Validation,
): readonly { readonly id: string; readonly requiredBytes: number }[] {
  const pool = poolOf(issue);
  // A scheduler's machines are short of what is asked of them, this one of what lives here.
  const instances = issue.code === "no-machine-offered"
    ? everyInstance(validation).filter(({ id }) => placeIn(validation, id)?.isHere === false)
    : validation.instances;
  return instances.flatMap(({ id, pools }) =>
    pools.filter((one) => one.id === pool).map(({ requiredBytes }) => ({ id, requiredBytes }))
  ).toSorted((a, b) => b.requiredBytes - a.requiredBytes);
}
