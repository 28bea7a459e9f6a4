import { BrainjarError } from "../../budget/error.ts";
import { formatAmount } from "../../budget/size.ts";
import type { ValidationReport } from "../../report/validation_report.ts";
import type { FlagValues } from "../flags/values.ts";

/** How `check` prints its verdict. */
export type CheckFormat = "text" | "json" | "github" | "junit";

/**
 * The format that was asked for; `--json` is `--format json`.
 *
 * @throws {BrainjarError} `conflicting-flags` where both are given and differ.
 */
export function readFormat(values: FlagValues): CheckFormat {
  const format = values.text("format") as CheckFormat | undefined;
  if (!values.has("json")) return format ?? "text";
  if (format === undefined || format === "json") return "json";
  throw new BrainjarError(
    "conflicting-flags",
    `Flags "--json" and "--format ${format}" exclude each other`,
    { hint: "Leave one of them out" },
  );
}

/** The verdict in a format, with a line break at the end; only its own code is loaded for it. */
export async function renderCheck(
  format: CheckFormat,
  report: ValidationReport,
  startedAt: Date,
): Promise<string> {
  switch (format) {
    case "text": {
      const text: typeof import("../../report/validation_text.ts") = await import(
        "../../report/validation_text.ts" as string
      );
      return `${text.validationText(report)}\n${reservationText(report)}`;
    }
    case "json": {
      const { checkJson }: typeof import("../../report/check_json.ts") = await import(
        "../../report/check_json.ts" as string
      );
      const { validation, estimator, reservation } = report;
      return `${JSON.stringify(checkJson(validation, estimator, reservation))}\n`;
    }
    case "github": {
      const github: typeof import("../../report/github.ts") = await import(
        "../../report/github.ts" as string
      );
      return `${github.githubAnnotations(report.validation)}\n`;
    }
    case "junit": {
      const junit: typeof import("../../report/junit.ts") = await import(
        "../../report/junit.ts" as string
      );
      const seconds = Math.max(0, Date.now() - startedAt.getTime()) / 1000;
      return `${junit.junitXml(report.validation, { at: startedAt, seconds })}\n`;
    }
  }
}

/** What is held and how to give it back, for people; nothing where nothing is held. */
export function reservationText({ reservation }: ValidationReport): string {
  if (reservation === undefined) return "";
  const { token, bytes, seconds } = reservation;
  return `Reserved ${formatAmount(bytes)} for ${seconds} s: brainjar release ${token}\n`;
}

/** Appends the jars' table to the job's summary page. A page that can't be written is said only. */
export async function appendSummary(
  report: ValidationReport,
  path: string,
  say: (text: string) => void,
): Promise<void> {
  const { summaryMarkdown }: typeof import("../../report/summary.ts") = await import(
    "../../report/summary.ts" as string
  );
  try {
    await Deno.writeTextFile(path, `${summaryMarkdown(report)}\n`, { append: true });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    say(`warning: $GITHUB_STEP_SUMMARY can't be written: ${why}\n`);
  }
}
