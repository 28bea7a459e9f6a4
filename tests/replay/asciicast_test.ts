import { assert, assertEquals } from "@std/assert";
import { z } from "zod";
import { ASCIICAST_MARK, asciicastLines, type RecordOptions } from "../../src/replay/asciicast.ts";
import { chooseRun, indexRuns } from "../../src/replay/index_runs.ts";
import { RecordedRun } from "../../src/replay/recorded_run.ts";
import { heardOnce, transcriptOf, withFiles } from "./transcripts.ts";

/** What players take as version 2 (docs.asciinema.org, "asciicast v2"). */
const HEADER = z.strictObject({
  version: z.literal(2),
  width: z.int().positive(),
  height: z.int().positive(),
  timestamp: z.int().optional(),
  title: z.string().optional(),
  env: z.record(z.string(), z.string()).optional(),
});
const EVENT = z.tuple([z.number().nonnegative(), z.literal("o"), z.string()]);

const OPTIONS: RecordOptions = {
  size: { columns: 100, rows: 30 },
  speed: 1,
  maxGap: 5000,
  from: 0,
};

async function recordingOf(text: string, options: Partial<RecordOptions> = {}) {
  return await withFiles([text], async (files) => {
    const run = new RecordedRun(files, chooseRun(await indexRuns(files), undefined, ""));
    const lines: string[] = [];
    for await (const line of asciicastLines(run, { ...OPTIONS, ...options })) lines.push(line);
    const [header = "", ...events] = lines;
    return {
      header: HEADER.parse(JSON.parse(header)),
      mark: header.slice(0, ASCIICAST_MARK.length),
      lines,
      events: events.filter((line) => line !== "").map((line) => EVENT.parse(JSON.parse(line))),
    };
  });
}

/** A line that is drawn: its row, and what stands there until the next or the frame's end. */
// deno-lint-ignore no-control-regex
const DRAWN = /\u001b\[(\d+);1H([^]*?)(?=\u001b\[(?:\d+;\d+H|\?))/g;
// deno-lint-ignore no-control-regex
const STYLES = /\u001b\[[\d;]*[mG]/g;

/** The rows of a terminal that was sent this: only what our frames are made of. */
function rowsAfter(sent: readonly string[], height: number): string[] {
  const rows = Array.from({ length: height }, () => "");
  for (const [, row, line = ""] of sent.join("").matchAll(DRAWN)) {
    rows[Number(row) - 1] = line.replace(STYLES, "");
  }
  return rows;
}

Deno.test("recording: what players take, its times rising, each picture within its size", async () => {
  const text = transcriptOf(await heardOnce());
  const { header, mark, lines, events } = await recordingOf(text);
  assertEquals([header.width, header.height, mark], [100, 30, ASCIICAST_MARK]);
  assert(lines.every((line) => line === "" || /^[^\n]*\n$/.test(line)), "A value a line");
  const times = events.map(([time]) => time);
  assertEquals(times, times.toSorted((a, b) => a - b));
  assertEquals(times[0], 0);
  const rows = rowsAfter(events.map(([, , data]) => data), 30);
  assert(rows.some((row) => row.includes("Run ended as asked")), rows.join("\n"));
  assert(rows.every((row) => [...row].length <= 100), "No row is longer");
});

Deno.test("recording: speed and gaps are the replay's", async () => {
  const text = transcriptOf(await heardOnce());
  const last = async (options: Partial<RecordOptions>) =>
    ((await recordingOf(text, options)).events.at(-1)?.[0] ?? 0) - 3;
  const whole = await last({});
  assert(Math.abs(await last({ speed: 2 }) - whole / 2) <= 0.2, `${whole}`);
  assert(await last({ maxGap: 10 }) < whole / 5);
  assert(await last({ from: 5 }) < whole);
});

Deno.test("recording: what a model says reaches no terminal as anything but text", async () => {
  const text = transcriptOf(await heardOnce()).replaceAll("light", "\\u001b]0;owned\\u0007light");
  const { events } = await recordingOf(text);
  const sent = events.map(([, , data]) => data).join("");
  // deno-lint-ignore no-control-regex
  const escapes = sent.match(/\u001b(?!\[\??[\d;]*[A-Za-z])/g);
  assertEquals(escapes, null);
  // deno-lint-ignore no-control-regex
  assertEquals(/[\u0000-\u0008\u000e-\u001a\u0007]/.exec(sent), null);
});
