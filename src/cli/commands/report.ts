import { BrainjarError } from "../../budget/error.ts";
import { readAsset } from "../../page/assets.ts";
import { chooseRun } from "../../replay/index_runs.ts";
import { openTranscript } from "../../replay/open_transcript.ts";
import { writeOwnFile } from "../../replay/own_file.ts";
import { RecordedRun } from "../../replay/recorded_run.ts";
import { remarksOn } from "../../replay/remarks.ts";
import { collect } from "../../replay/report/collect.ts";
import { REPORT_MARK, reportPage } from "../../replay/report/page.ts";
import { expandHome } from "../../gguf/environment.ts";
import { showReading } from "../run/reading.ts";
import type { Command } from "../command.ts";
import { onlyFile } from "../flags/operand.ts";

/**
 * `brainjar report FILE`: a transcript as one HTML file.
 *
 * @throws {BrainjarError} `output-needed` where the answer would go to a terminal.
 */
export const command: Command = async ({ values, operands, output }) => {
  const path = expandHome(onlyFile(operands, "report"));
  const typed = values.get("output");
  const target = typed && expandHome(typed);
  if (target === undefined && output.answersTerminal) {
    throw new BrainjarError("output-needed", "A report is a page, which no terminal shows", {
      hint: `Add --output ${nameOf(path).replace(/\.jsonl?$/, "")}.html`,
    });
  }
  const reading = await showReading(path, output);
  const { files, runs } = await openTranscript(path, reading.show).catch((error) => {
    reading.end();
    throw error;
  });
  try {
    const run = new RecordedRun(files, chooseRun(runs, values.get("run"), path));
    const data = await collect(run);
    reading.end();
    const notes = {
      name: nameOf(path),
      number: runs.indexOf(run.index) + 1,
      count: runs.length,
      remarks: remarksOn(run),
    };
    const page = reportPage(data, notes, await readAsset("theme.css"));
    for (const remark of notes.remarks) output.say(`${remark}\n`);
    if (target === undefined) output.answer(page);
    else {
      await writeOwnFile(target, [page], { mark: REPORT_MARK, noun: "report" });
      output.say(`Report of run ${notes.number} of ${notes.count}: ${target}\n`);
    }
    return 0;
  } finally {
    reading.end();
    files.close();
  }
};

function nameOf(path: string): string {
  return path.split(/[/\\]/).at(-1) ?? path;
}
