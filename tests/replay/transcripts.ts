import { transcriptLine } from "../../src/experiment/transcript_file/transcript_lines.ts";
import { eventJson } from "../../src/report/event_json.ts";
import type { ViewEvent } from "../../src/view/view_event.ts";
import { indexRuns, type RunIndex } from "../../src/replay/index_runs.ts";
import { type Moment, RecordedRun } from "../../src/replay/recorded_run.ts";
import { TranscriptFiles } from "../../src/replay/transcript_files.ts";
import { type Heard, sampleRun } from "../view/sample_run.ts";
import type { StageOptions } from "../experiment/stage.ts";

/** When the runs of tests began. */
export const STARTED_AT = Date.UTC(2026, 0, 31, 12);

/** A line of a transcript as `run --log` writes it. */
export function lineOf(line: object, at: number): string {
  return `${JSON.stringify({ time: new Date(STARTED_AT + at).toISOString(), ...line })}\n`;
}

/** A run's first line. */
export const START = {
  event: "start",
  schema: "brainjar.transcript/2",
  mode: "matrix",
  turns: 8,
  sampling: { maxTokens: 64, temperature: 0.8, topP: 0.95, seed: 7 },
  jars: (["subject", "observer", "god"] as const).map((role) => ({
    id: role,
    role,
    model: "demo.gguf",
    contextSize: 64,
    prompt: `You are the ${role} & <nobody> else.`,
  })),
};

/** What viewers heard of a run as a transcript keeps it: pieces of thoughts aren't. */
export function transcriptOf(heard: readonly Heard[], start: object = START): string {
  const lines = heard.flatMap(([event, at]) => {
    const kept = keptOf(event);
    return kept === undefined ? [] : [lineOf(kept, at)];
  });
  return lineOf(start, 0) + lines.join("");
}

function keptOf(event: ViewEvent): object | undefined {
  switch (event.event) {
    case "text":
    case "pace":
    case "start":
      return undefined;
    case "memory":
      return event;
    default:
      return transcriptLine(event, (validation) => eventJson(validation));
  }
}

/** The same as the first version of transcripts has it: no memory, no validation, no durations. */
export function firstVersionOf(heard: readonly Heard[]): string {
  const kept: Readonly<Record<string, readonly string[]>> = {
    thought: [
      ...["event", "id", "role", "turn", "text", "promptTokens", "tokens", "stop"],
      ...["contextTokens", "contextSize", "seed", "prompt"],
    ],
    note: ["event", "id", "role", "turn", "text"],
    whisper: ["event", "id", "role", "turn", "text"],
    death: ["event", "id", "role", "turn", "cause", "deaths"],
    resurrection: ["event", "id", "role", "turn", "deaths"],
    end: ["event", "reason", "turns", "thoughts", "tokens", "deaths"],
  };
  const jars = START.jars.map(({ prompt: _, ...jar }) => jar);
  const lines = heard.flatMap(([event, at]) => {
    const keys = kept[event.event];
    if (keys === undefined) return [];
    const fields = Object.entries(event).filter(([key]) => keys.includes(key));
    return [lineOf(Object.fromEntries(fields), at)];
  });
  return lineOf({ ...START, schema: "brainjar.transcript/1", jars }, 0) + lines.join("");
}

/** Has files of these texts, one after another, looked at, and removes them. */
export async function withFiles<Answer>(
  texts: readonly (string | Uint8Array)[],
  look: (files: TranscriptFiles, paths: readonly string[]) => Promise<Answer>,
): Promise<Answer> {
  const folder = await Deno.makeTempDir({ prefix: "brainjar-replay-" });
  try {
    const paths = texts.map((_, index) => `${folder}/talk.${index}.jsonl`);
    for (const [index, text] of texts.entries()) {
      const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
      await Deno.writeFile(paths[index] ?? "", bytes);
    }
    const files = TranscriptFiles.open(paths);
    try {
      return await look(files, paths);
    } finally {
      files.close();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** What is read of a transcript. */
export interface Read {
  readonly runs: readonly RunIndex[];
  readonly run: RecordedRun;
  readonly moments: readonly Moment[];
}

/** The runs of a transcript, and the moments of its last one. */
export async function readTexts(
  texts: readonly (string | Uint8Array)[],
  inPieces = false,
): Promise<Read> {
  return await withFiles(texts, async (files) => {
    const runs = await indexRuns(files);
    const last = runs.at(-1);
    if (last === undefined) throw new Error("There is no run");
    const run = new RecordedRun(files, last);
    const moments: Moment[] = [];
    for await (const moment of run.moments(run.beginning, { inPieces })) moments.push(moment);
    return { runs, run, moments };
  });
}

let sample: Promise<readonly Heard[]> | undefined;

/** What viewers hear of three jars that die and come back; made once, since it takes its time. */
export function heardOnce(options: StageOptions = {}): Promise<readonly Heard[]> {
  if (Object.keys(options).length > 0) return sampleRun(options);
  return sample ??= sampleRun();
}
