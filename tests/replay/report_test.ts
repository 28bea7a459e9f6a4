import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { readAsset } from "../../src/page/assets.ts";
import { RecordedRun } from "../../src/replay/recorded_run.ts";
import { remarksOn } from "../../src/replay/remarks.ts";
import { chooseRun, indexRuns } from "../../src/replay/index_runs.ts";
import { collect } from "../../src/replay/report/collect.ts";
import { REPORT_MARK, reportPage } from "../../src/replay/report/page.ts";
import { installed } from "../cli/shells.ts";
import { assertGolden } from "../golden.ts";
import {
  firstVersionOf,
  heardOnce,
  lineOf,
  START,
  transcriptOf,
  withFiles,
} from "./transcripts.ts";

async function reportOf(text: string, theme = ""): Promise<string> {
  return await withFiles([text], async (files) => {
    const runs = await indexRuns(files);
    const run = new RecordedRun(files, chooseRun(runs, undefined, ""));
    const data = await collect(run);
    const notes = { name: "talk.jsonl", number: runs.length, count: runs.length };
    return reportPage(data, { ...notes, remarks: remarksOn(run) }, theme);
  });
}

/** What a browser that loads nothing and runs nothing would still ask for, or run. */
const ACTIVE =
  /<(script|link|img|iframe|object|embed|form|base)\b|\bon[a-z]+=|url\(|@import|https?:/i;

/** HTML's parts as they stand in a file, without what is text. */
function tagsOf(page: string): string {
  return (page.match(/<[^>]*>|<style>[^]*?<\/style>/g) ?? []).join("\n");
}

Deno.test("report: a small run, whole", async () => {
  const page = await reportOf(transcriptOf(await heardOnce()));
  assert(page.startsWith(REPORT_MARK));
  assertEquals(ACTIVE.exec(tagsOf(page)), null);
  // The style is read where it stands, and would be all of the difference.
  await assertGolden(
    "report-run",
    page.replace(/<style>[^]*?<\/style>/, "<style></style>").trimEnd(),
  );
});

Deno.test("report: of the first version of transcripts, with what it doesn't know said", async () => {
  const page = await reportOf(firstVersionOf(await heardOnce()));
  assertStringIncludes(page, "This transcript has no samples of memory");
  assertStringIncludes(page, "This transcript doesn't have it");
  assertEquals(/\b0\.00 GB\b/.exec(page), null);
});

Deno.test("report: of any prefix of a transcript", async () => {
  const text = transcriptOf(await heardOnce());
  const first = text.indexOf("\n") + 1;
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: first, max: text.length }), async (length) => {
      const page = await reportOf(text.slice(0, length));
      assert(page.trimEnd().endsWith("</html>"));
      assertEquals(/\b(NaN|undefined|Infinity|\[object)/.exec(page), null);
      assertEquals(page.includes("The transcript ends"), length < text.length - 1);
    }),
    { numRuns: 30, seed: 2, examples: [[first], [first + 1], [text.length - 1]] },
  );
});

const HOSTILE = `<script>alert(1)</script><img src=x onerror="alert(2)">\u001b[2J\u202e&amp;'"`;

Deno.test("report: whatever a name or a thought holds is shown as text", async () => {
  const jar = { id: HOSTILE, role: "subject", model: HOSTILE, contextSize: 64, prompt: HOSTILE };
  const told = { id: HOSTILE, role: "subject", turn: 1 };
  const text = lineOf({ ...START, mode: "jars", jars: [jar] }, 0) +
    lineOf({
      ...{ event: "thought", ...told, text: HOSTILE, promptTokens: 1, tokens: 1, stop: "end" },
      ...{ contextTokens: 2, contextSize: 64, seed: 7, prompt: HOSTILE },
    }, 1000) +
    lineOf({ event: "prompt", ...told, text: HOSTILE }, 2000) +
    lineOf({ event: "death", ...told, cause: "by-hand", message: HOSTILE, deaths: 1 }, 3000) +
    lineOf({ event: "whisper", ...told, text: HOSTILE, by: "hand" }, 4000);
  const page = await reportOf(text, await readAsset("theme.css"));
  const outside = page.replace(/<style>[^]*?<\/style>/, "");
  assertEquals(/<(script|img)\b/i.exec(page), null);
  assertEquals(ACTIVE.exec(tagsOf(outside).replace(/"[^"]*"/g, '""')), null);
  // deno-lint-ignore no-control-regex
  assertEquals(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/.exec(page), null);
  assertStringIncludes(page, "&lt;script&gt;alert(1)&lt;/script&gt;");
  assertStringIncludes(page, "\\u{1b}[2J\\u{202e}&amp;amp;&#39;&quot;");
});

Deno.test("report: a long run's has a bound, and says what it leaves out", async () => {
  const turns = 5000;
  const lines = [lineOf(START, 0)];
  for (let turn = 1; turn <= turns; turn++) {
    const jar = { id: "subject", role: "subject", turn };
    lines.push(lineOf({
      ...{ event: "thought", ...jar, text: `Turn ${turn}. ${"word ".repeat(400)}` },
      ...{ promptTokens: 1, tokens: 400, stop: "end", contextTokens: 50, contextSize: 64 },
      ...{ seed: 7, prompt: "Think." },
    }, turn * 1000));
    lines.push(
      lineOf({ event: "death", ...jar, cause: "context-full", deaths: turn }, turn * 1000 + 1),
      lineOf({ event: "resurrection", ...jar, deaths: turn }, turn * 1000 + 2),
    );
  }
  const page = await reportOf(lines.join(""));
  assert(page.length < 4_000_000, `${page.length}`);
  assertEquals(page.match(/<article /g)?.length, 1000);
  assertStringIncludes(page, "4000 turns are left out here, 101 to 4100");
  assertStringIncludes(page, "The last 300 of 5000 lives that ended are shown");
  assertStringIncludes(page, "5000 deaths because its context was full");
  assertStringIncludes(page, 'id="turn-5000"');
  // Long words take the place of turns.
  const wordy = lines.map((line) => line.replace("word word", "word ".repeat(1000)));
  const bounded = await reportOf(wordy.join(""));
  assert(bounded.length < 6_000_000, `${bounded.length}`);
});

const chromium = await installed("chromium");

Deno.test({
  name: `report: a browser shows all of it${
    chromium ? "" : " (skipped: chromium is not installed)"
  }`,
  ignore: !chromium,
  fn: async () => {
    const folder = await Deno.makeTempDir({ prefix: "brainjar-report-" });
    try {
      const path = `${folder}/report.html`;
      const page = await reportOf(transcriptOf(await heardOnce()), await readAsset("theme.css"));
      await Deno.writeTextFile(path, page);
      const { stdout } = await new Deno.Command("chromium", {
        args: [
          ...["--headless", "--no-sandbox", "--disable-gpu", `--user-data-dir=${folder}/profile`],
          ...["--dump-dom", `file://${path}`],
        ],
        stdin: "null",
        stderr: "null",
      }).output();
      const dom = new TextDecoder().decode(stdout);
      // As a browser reads it nothing is in another place than it was written in.
      for (const id of ["plots", "lives", "words", "validation", "prompts", "turn-8"]) {
        assertStringIncludes(dom, `id="${id}"`);
      }
      assertEquals(dom.match(/<svg /g)?.length, page.match(/<svg /g)?.length);
      assertEquals(dom.match(/<tr>/g)?.length, page.match(/<tr>/g)?.length);
      assertEquals(
        dom.match(/<(p|div|article|section)\b/g)?.length,
        page.match(/<(p|div|article|section)\b/g)?.length,
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
