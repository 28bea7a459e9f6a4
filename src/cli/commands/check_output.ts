import { BrainjarError, messageOf } from "../../budget/error.ts";
import { loadModule } from "../../load_module.ts";
import { poolAmounts } from "../../report/format.ts";
import { jsonText, printable } from "../../report/printable.ts";
import type { Paragraph } from "../../report/short/paragraph.ts";
import type { ValidationReport } from "../../report/validation_report.ts";
import type { FlagValue } from "../flags/flags.ts";
import type { FlagValues } from "../flags/values.ts";

/** How `check` prints its verdict. */
type CheckFormat = FlagValue<"format">;

/**
 * The format that was asked for; `--json` is `--format json`.
 *
 * @throws {BrainjarError} `conflicting-flags` where both are given and differ.
 */
export function readFormat(values: FlagValues): CheckFormat {
  const format = values.given("format");
  if (!values.get("json")) return values.get("format");
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
      const text = await loadModule<typeof import("../../report/validation_text.ts")>(
        import.meta,
        "../../report/validation_text.ts",
      );
      return `${await text.validationText(report)}\n${reservationText(report)}`;
    }
    case "json": {
      const { checkJson } = await loadModule<typeof import("../../report/check_json.ts")>(
        import.meta,
        "../../report/check_json.ts",
      );
      const { validation, estimator, reservation } = report;
      return `${jsonText(checkJson(validation, estimator, reservation))}\n`;
    }
    case "github": {
      const github = await loadModule<typeof import("../../report/ci/github.ts")>(
        import.meta,
        "../../report/ci/github.ts",
      );
      return `${github.githubAnnotations(report.validation)}\n`;
    }
    case "junit": {
      const junit = await loadModule<typeof import("../../report/ci/junit.ts")>(
        import.meta,
        "../../report/ci/junit.ts",
      );
      const seconds = Math.max(0, Date.now() - startedAt.getTime()) / 1000;
      return `${junit.junitXml(report.validation, { at: startedAt, seconds })}\n`;
    }
  }
}

/** The verdict for a person at a terminal. */
export async function shortCheck(report: ValidationReport): Promise<Paragraph[]> {
  const { checkShort } = await loadModule<typeof import("../../report/short/check_short.ts")>(
    import.meta,
    "../../report/short/check_short.ts",
  );
  const reserved = reservationText(report).trimEnd();
  return [
    ...checkShort(report),
    ...reserved === "" ? [] : [{ words: [reserved] }],
    { words: [] },
    { words: [{ style: "dim", text: "Every figure: add --full" }] },
  ];
}

/** What is reserved and how to give it back, for people; nothing where nothing is. */
export function reservationText({ reservation }: ValidationReport): string {
  if (reservation === undefined) return "";
  const { token, bytes, pools, seconds } = reservation;
  return `Reserved ${poolAmounts(bytes, pools)} for ${seconds} s: brainjar release ${token}\n`;
}

/** Appends the jars' table to the job's summary page. A page that can't be written is said only. */
export async function appendSummary(
  report: ValidationReport,
  path: string,
  say: (text: string) => void,
): Promise<void> {
  const { summaryMarkdown } = await loadModule<typeof import("../../report/ci/summary.ts")>(
    import.meta,
    "../../report/ci/summary.ts",
  );
  try {
    rejectPipe(path);
    await Deno.writeTextFile(path, `${summaryMarkdown(report)}\n`, { append: true });
  } catch (error) {
    say(`${printable(`warning: $GITHUB_STEP_SUMMARY can't be written: ${messageOf(error)}`)}\n`);
  }
}

/** Opening a pipe waits for its reader, and nothing would end that. */
function rejectPipe(path: string): void {
  let info: Deno.FileInfo;
  try {
    info = Deno.statSync(path);
  } catch {
    return;
  }
  if (info.isFile || info.isDirectory || info.isCharDevice) return;
  throw new Error(`it is a pipe or a device: ${path}`);
}
